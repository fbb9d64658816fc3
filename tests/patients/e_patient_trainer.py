"""Trains digits in a Trainer class with early stopping, best weights and a checkpoint."""
# fault: none

import copy
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(32)


class Trainer:
    def __init__(self, model, patience=2):
        self.model = model
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        self.patience = patience
        self.best_loss, self.best_state, self.waited = float("inf"), None, 0

    def epoch(self, loader):
        self.model.train()
        for x, y in loader:
            self.optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(self.model(x), y)
            loss.backward()
            self.optimizer.step()
        return loss.item()

    @torch.inference_mode()
    def validate(self, loader):
        self.model.eval()
        total = sum(F.cross_entropy(self.model(x), y, reduction="sum").item() for x, y in loader)
        return total / len(loader.dataset)

    def fit(self, train, val, epochs, path):
        for epoch in range(epochs):
            loss, val_loss = self.epoch(train), self.validate(val)
            print(f"epoch {epoch}: {loss:.4f} validation {val_loss:.4f}")
            if val_loss < self.best_loss:
                self.best_loss, self.waited = val_loss, 0
                self.best_state = copy.deepcopy(self.model.state_dict())
                torch.save(self.best_state, path)
            else:
                self.waited += 1
                if self.waited > self.patience:
                    break
        self.model.load_state_dict(torch.load(path, weights_only=True))


digits = load_digits()
x = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
sets = [TensorDataset(x[o], y[o]) for o in order.split([1000, 400, 397])]
train, val, test = (DataLoader(s, batch_size=50, shuffle=i == 0) for i, s in enumerate(sets))
net = nn.Sequential(
    nn.Conv2d(1, 12, 3),
    nn.BatchNorm2d(12),
    nn.ReLU(),
    nn.Flatten(),
    nn.Dropout(0.2),
    nn.Linear(12 * 36, 10),
)
trainer = Trainer(net)
with tempfile.TemporaryDirectory() as folder:
    trainer.fit(train, val, 6, Path(folder) / "best.pt")
print("test loss", trainer.validate(test))
