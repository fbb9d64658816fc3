"""Trains far past the best epoch on purpose, keeps a copy of the best weights and returns to them."""

import copy

import torch
from torch import nn
from torch.nn import functional as fn


def main() -> None:
    x = 2 * torch.randn(96, 20)
    y = (x[:, 0] + 3 * torch.randn(96) > 0).long()
    model = nn.Sequential(nn.Linear(20, 64), nn.Tanh(), nn.Linear(64, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    best, state = float("inf"), copy.deepcopy(model.state_dict())
    for _ in range(16):
        for _ in range(6):
            optimizer.zero_grad()
            fn.cross_entropy(model(x[:32]), y[:32]).backward()
            optimizer.step()
        with torch.no_grad():
            validation = fn.cross_entropy(model(x[32:]), y[32:]).item()
        if validation < best:
            best, state = validation, copy.deepcopy(model.state_dict())
    model.load_state_dict(state)
