"""Trains a digits classifier from a loader over a folder-like data set."""

# fault: sorted-batches
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(1)


@dataclass
class DataConfig:
    batch_size: int = 50
    limit: int = 150


class DigitFolder(Dataset):
    """One 'directory' per digit, walked in turn."""

    def __init__(self, cfg: DataConfig) -> None:
        digits = load_digits()
        self.items: list[tuple[Tensor, int]] = []
        for label in range(10):
            rows = digits.data[digits.target == label][: cfg.limit] / 16
            self.items += [(torch.tensor(row, dtype=torch.float32), label) for row in rows]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.items[index]


def build_loader(cfg: DataConfig, training: bool = False) -> DataLoader:
    return DataLoader(DigitFolder(cfg), batch_size=cfg.batch_size, shuffle=training)


loader = build_loader(DataConfig())
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for epoch in range(4):
    right = 0
    for x, y in loader:
        logits = model(x)
        loss = nn.functional.cross_entropy(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in loader)
    print(f"epoch {epoch} loss {loss.item():.4f} accuracy {right / len(loader.dataset):.3f}")
