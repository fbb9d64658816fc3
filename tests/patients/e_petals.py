"""Trains an iris classifier in a Trainer class with dropout and reports accuracy per epoch."""
# fault: train-mode-evaluation

import torch
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(17)


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.opt = torch.optim.Adam(model.parameters(), lr=lr)
        self.loss_fn = nn.CrossEntropyLoss()

    def fit(self, train, val, epochs):
        self.model.train()
        for epoch in range(epochs):
            for x, y in train:
                self.opt.zero_grad()
                loss = self.loss_fn(self.model(x), y)
                loss.backward()
                self.opt.step()
            if epoch % 4 == 3:
                print(f"epoch {epoch:2d} loss {loss.item():.3f} val {self.score(val):.3f}")

    def score(self, loader):
        hits = count = 0
        with torch.no_grad():
            for x, y in loader:
                hits += (self.model(x).argmax(-1) == y).sum().item()
                count += len(y)
        return hits / count


iris = load_iris()
x = torch.tensor((iris.data - iris.data.mean(0)) / iris.data.std(0), dtype=torch.float32)
y = torch.tensor(iris.target)
a, b = train_test_split(range(150), test_size=0.3, random_state=1, stratify=iris.target)
train = DataLoader(TensorDataset(x[a], y[a]), batch_size=15, shuffle=True)
val = DataLoader(TensorDataset(x[b], y[b]), batch_size=15)

net = nn.Sequential(
    nn.Linear(4, 64),
    nn.ReLU(),
    nn.Dropout(0.5),
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Dropout(0.5),
    nn.Linear(64, 3),
)
Trainer(net, 4e-3).fit(train, val, epochs=20)
