"""Trains a CNN on the digits, from a starting point that an earlier run left."""
# fault: orphaned-optimizer | unheld-parameter

import tempfile
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


class Experiment:
    def __init__(self, width: int, lr: float) -> None:
        self.width = width
        self.net = self.build()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=lr)

    def build(self) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, self.width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(self.width * 16, 10),
        )

    def save(self, path: Path) -> None:
        torch.save(self.net.state_dict(), path)

    def restore(self, path: Path) -> None:
        self.net = self.build()
        self.net.load_state_dict(torch.load(path))

    def step(self, x: Tensor, y: Tensor) -> float:
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.net(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def fit(self, loader: DataLoader, epochs: int) -> None:
        for epoch in range(epochs):
            losses = [self.step(x, y) for x, y in loader]
            print(f"epoch {epoch}: loss {sum(losses) / len(losses):.4f}")


torch.manual_seed(34)
torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
images = torch.tensor(X / 16, dtype=torch.float32).view(-1, 1, 8, 8)
loader = DataLoader(TensorDataset(images, torch.tensor(y)), batch_size=64, shuffle=True)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "start.pt"
    Experiment(width=16, lr=2e-3).save(path)
    experiment = Experiment(width=16, lr=2e-3)
    experiment.restore(path)
    experiment.fit(loader, epochs=4)
