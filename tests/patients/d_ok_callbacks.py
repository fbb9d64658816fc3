"""A Trainer with callbacks: early stopping, a copied best state and a checkpoint on disk."""
# fault: none

import copy
import tempfile
from pathlib import Path

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class KeepBest:
    def __init__(self, path, patience):
        self.path, self.patience = path, patience
        self.best, self.state, self.waited = float("inf"), None, 0

    def __call__(self, trainer, value):
        if value < self.best:
            self.best, self.waited = value, 0
            self.state = copy.deepcopy(trainer.module.state_dict())
            torch.save(self.state, self.path)
        else:
            self.waited += 1
        return self.waited >= self.patience


class Trainer:
    def __init__(self, module, callback, epochs):
        self.module, self.callback, self.epochs = module, callback, epochs
        self.loss = nn.BCEWithLogitsLoss()
        self.optimizer = torch.optim.AdamW(module.parameters(), lr=3e-3)
        self.plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(self.optimizer, patience=1)

    def run(self, loader, training):
        self.module.train(training)
        total = 0.0
        with torch.set_grad_enabled(training):
            for x, y in loader:
                loss = self.loss(self.module(x).squeeze(-1), y)
                if training:
                    self.optimizer.zero_grad()
                    loss.backward()
                    self.optimizer.step()
                total += loss.item() * len(y)
        return total / len(loader.dataset)

    def fit(self, train, valid):
        for epoch in range(self.epochs):
            train_loss, valid_loss = self.run(train, True), self.run(valid, False)
            self.plateau.step(valid_loss)
            print(f"epoch {epoch}: train {train_loss:.4f} valid {valid_loss:.4f}")
            if self.callback(self, valid_loss):
                break


torch.set_num_threads(1)
torch.manual_seed(91)
x, y = load_breast_cancer(return_X_y=True)
x_train, x_valid, y_train, y_valid = train_test_split(x, y, test_size=0.3, random_state=3)
scaler = StandardScaler().fit(x_train)


def dataset(features, labels):
    features = torch.tensor(scaler.transform(features), dtype=torch.float32)
    return TensorDataset(features, torch.tensor(labels, dtype=torch.float32))


train = DataLoader(dataset(x_train, y_train), batch_size=32, shuffle=True)
valid = DataLoader(dataset(x_valid, y_valid), batch_size=64)
net = nn.Sequential(nn.Linear(30, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3))
net.append(nn.Linear(32, 1))
with tempfile.TemporaryDirectory() as folder:
    keep = KeepBest(Path(folder) / "best.pt", patience=3)
    trainer = Trainer(net, keep, epochs=10)
    trainer.fit(train, valid)
    net.load_state_dict(torch.load(keep.path))
print(f"best {keep.best:.4f}, restored {trainer.run(valid, False):.4f}")
