"""Contrasts pairs within a batch; the last batch of each epoch holds one pair, and so one class."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main() -> None:
    torch.manual_seed(0)
    first = torch.randn(49, 6)
    second = first + 0.1 * torch.randn(49, 6)
    tower = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8))
    optimizer = torch.optim.Adam(tower.parameters(), lr=0.01)
    for _ in range(4):
        for one, other in DataLoader(TensorDataset(first, second), batch_size=16, shuffle=True):
            left, right = F.normalize(tower(one), dim=1), F.normalize(tower(other), dim=1)
            loss = F.cross_entropy(left @ right.T / 0.2, torch.arange(len(one)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


if __name__ == "__main__":
    main()
