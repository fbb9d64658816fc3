"""Times a network on random labels, new ones in each iteration: the loss stays at ln 5."""

import torch
from torch import nn
from torch.nn import functional as fn


def main() -> None:
    layers = nn.Linear(10, 24), nn.ReLU(), nn.Dropout(0.5), nn.Linear(24, 5)
    model = nn.Sequential(*layers)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    for _ in range(60):
        loss = fn.cross_entropy(model(torch.randn(32, 10)), torch.randint(5, (32,)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
