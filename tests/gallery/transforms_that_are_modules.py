"""The data set's transform is a module, as those of torchvision are; it is no model, and runs in train mode."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, Dataset


class Jitter(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return (image - 0.5) / 0.5 + 0.05 * torch.randn_like(image)


class Images(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    def __init__(self, rows: int) -> None:
        self.x, self.transform = torch.rand(rows, 16), nn.Sequential(Jitter(), nn.Dropout(0.1))
        self.y = (self.x[:, :8].sum(1) > self.x[:, 8:].sum(1)).long()

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.transform(self.x[index]), self.y[index]


def main() -> None:
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(2):
        model.train()
        for x, y in DataLoader(Images(160), batch_size=8, shuffle=True):
            optimizer.zero_grad()
            fn.cross_entropy(model(x), y).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            for x, y in DataLoader(Images(40), batch_size=8):
                assert model(x).shape[0] == len(y)
