"""Uncertainty by Monte-Carlo dropout: the model is scored in train mode on purpose, many times over."""

import torch
from torch import nn
from torch.nn import functional


def main() -> None:
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    y = torch.randint(3, (96,))
    x = torch.randn(96, 6) + y.unsqueeze(1)
    for _ in range(40):
        chosen = torch.randint(64, (16,))
        loss = functional.cross_entropy(model(x[chosen]), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():  # still in train mode: dropout draws another model each time
        votes = torch.stack([model(x[64:]).softmax(dim=1) for _ in range(20)])
    unsure = votes.std(dim=0).mean(dim=1)
    right = votes.mean(dim=0).argmax(dim=1) == y[64:]
    assert unsure.min() > 0
    assert right.float().mean() > 0.5
