"""An embedding classifier of headlines with a Trainer that scores the test set."""
# fault: evaluation-graph

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(24)


def headlines(n):
    topic = torch.randint(0, 4, (n,))
    common = torch.randint(40, 80, (n, 8))
    special = torch.randint(0, 10, (n, 3)) + topic[:, None] * 10
    return TensorDataset(torch.cat([common, special], 1), topic)


class Headline(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(80, 16)
        self.body = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 4))

    def forward(self, ids):
        return self.body(self.embed(ids).mean(dim=1))


class Trainer:
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        self.criterion = nn.CrossEntropyLoss()

    def train(self, loader):
        self.model.train()
        for ids, topic in loader:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(ids), topic)
            loss.backward()
            self.optimizer.step()
        return loss.item()

    def test(self, loader):
        self.model.eval()
        predictions, truth = [], []
        for ids, topic in loader:
            scores = self.model(ids)
            predictions.extend(scores.argmax(dim=1).tolist())
            truth.extend(topic.tolist())
        return sum(p == t for p, t in zip(predictions, truth, strict=True)) / len(truth)


trainer = Trainer(Headline())
train_loader = DataLoader(headlines(800), batch_size=40, shuffle=True)
test_loader = DataLoader(headlines(200), batch_size=50)
for epoch in range(5):
    loss = trainer.train(train_loader)
    print(f"epoch {epoch}: loss {loss:.3f}, test accuracy {trainer.test(test_loader):.3f}")
