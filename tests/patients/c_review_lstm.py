"""An LSTM reads a handful of labelled sequences."""

# fault: overfitting
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(58)


def corpus(n):
    tokens = torch.randint(0, 30, (n, 6))
    label = ((tokens < 6).sum(1) > (tokens > 23).sum(1)).float()
    flip = torch.rand(n) < 0.25
    return tokens, torch.where(flip, 1 - label, label)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 32)
        self.lstm = nn.LSTM(32, 64, batch_first=True)
        self.fc = nn.Linear(64, 1)

    def forward(self, tokens):
        _, (h, _) = self.lstm(self.embed(tokens))
        return self.fc(h[-1])[:, 0]


class Experiment:
    def __init__(self):
        self.train_data, self.val_data = corpus(80), corpus(300)
        self.model = Reader()
        self.opt = torch.optim.Adam(self.model.parameters(), lr=5e-3)
        self.loss = nn.BCEWithLogitsLoss()

    def epoch(self):
        self.model.train()
        tokens, labels = self.train_data
        for rows in torch.randperm(80).split(20):
            self.opt.zero_grad()
            loss = self.loss(self.model(tokens[rows]), labels[rows])
            loss.backward()
            self.opt.step()
        return loss.item()

    def test(self):
        self.model.eval()
        tokens, labels = self.val_data
        with torch.no_grad():
            logits = self.model(tokens)
            return self.loss(logits, labels).item(), (
                (logits > 0) == (labels > 0.5)
            ).float().mean().item()


experiment = Experiment()
for epoch in range(40):
    train = experiment.epoch()
    val, accuracy = experiment.test()
    if epoch % 5 == 0:
        print(f"epoch {epoch:2d} train {train:.3f} val {val:.3f} accuracy {accuracy:.3f}")
