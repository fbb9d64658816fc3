"""Compares labels (B, 1) with themselves (B,) to a table: which pairs belong together."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(40):
        labels = torch.randint(3, (24,))
        place = model(torch.randn(24, 6) + 2 * labels.unsqueeze(1))
        together = labels.view(-1, 1) == labels
        distance = (place - place.t()).abs()
        loss = (distance * together).mean() + (F.relu(2 - distance) * ~together).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    main()
