"""RankNet on synthetic documents, cosine schedule in a Trainer class."""

# fault: hasty-schedule
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)


class Pairs(Dataset):
    def __init__(self, n, seed):
        gen = torch.Generator().manual_seed(seed)
        self.a = torch.randn(n, 10, generator=gen)
        self.b = torch.randn(n, 10, generator=gen)
        w = torch.linspace(-1, 1, 10)
        score = lambda d: (d * w).sum(1) + 0.5 * (d[:, 0] * d[:, 1])
        self.better = (score(self.a) > score(self.b)).float()

    def __len__(self):
        return len(self.a)

    def __getitem__(self, i):
        return self.a[i], self.b[i], self.better[i]


class RankTrainer:
    def __init__(self, scorer, epochs):
        self.scorer, self.epochs = scorer, epochs
        self.optimizer = torch.optim.Adagrad(scorer.parameters(), lr=0.05)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=epochs)
        self.criterion = nn.BCEWithLogitsLoss()

    def logits(self, a, b):
        return (self.scorer(a) - self.scorer(b)).squeeze(1)

    def train_one_epoch(self, loader):
        self.scorer.train()
        for a, b, better in loader:
            self.optimizer.zero_grad()
            loss = self.criterion(self.logits(a, b), better)
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
        return loss.item()

    @torch.no_grad()
    def evaluate(self, loader):
        self.scorer.eval()
        hits = [((self.logits(a, b) > 0).float() == better).float() for a, b, better in loader]
        return torch.cat(hits).mean().item()

    def fit(self, train, valid):
        for epoch in range(self.epochs):
            loss = self.train_one_epoch(train)
            print(f"epoch {epoch} loss {loss:.4f} pairs right {self.evaluate(valid):.3f}")


if __name__ == "__main__":
    torch.manual_seed(13)
    scorer = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
    trainer = RankTrainer(scorer, epochs=8)
    trainer.fit(DataLoader(Pairs(900, 1), 30, shuffle=True), DataLoader(Pairs(300, 2), 100))
