"""Splits a model in two as two parties would: the gradient crosses the cut by hand."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    torch.manual_seed(0)
    lower = nn.Sequential(nn.Linear(8, 16), nn.ReLU())
    upper = nn.Linear(16, 3)
    lowers = torch.optim.SGD(lower.parameters(), lr=0.05)
    uppers = torch.optim.SGD(upper.parameters(), lr=0.05)
    for _ in range(40):
        labels = torch.randint(3, (32,))
        sent = lower(torch.randn(32, 8) + labels.unsqueeze(1))
        received = sent.detach().requires_grad_()
        loss = F.cross_entropy(upper(received), labels)
        lowers.zero_grad()
        uppers.zero_grad()
        loss.backward()
        sent.backward(received.grad)
        lowers.step()
        uppers.step()


if __name__ == "__main__":
    main()
