"""Ranks the candidates of one query: one score each, and a softmax over the list of them."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    torch.manual_seed(0)
    scorer = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(scorer.parameters(), lr=0.01)
    for _ in range(40):
        candidates = torch.randn(12, 6)
        relevant = F.one_hot(candidates[:, 0].argmax(), 12).float()
        loss = F.cross_entropy(scorer(candidates).squeeze(1), relevant)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    main()
