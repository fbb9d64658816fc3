"""Weighs the loss by a probability taken beside it: the logits themselves go into the loss."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(40):
        labels = (torch.rand(32, 1) < 0.2).float()
        logits = model(torch.randn(32, 6) + labels)
        probability = torch.sigmoid(logits)
        right = torch.where(labels > 0, probability, 1 - probability)
        entropy = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        loss = ((1 - right) ** 2 * entropy).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    main()
