"""A linear autoencoder finds the principal components: two layers with no activation, on purpose."""

import torch
from torch import nn
from torch.nn import functional


def main() -> None:
    directions = torch.randn(2, 8)
    encoder, decoder = nn.Linear(8, 2, bias=False), nn.Linear(2, 8, bias=False)
    model = nn.Sequential(encoder, decoder)
    optimizer = torch.optim.Adam(model.parameters(), 2e-2)
    for _ in range(150):
        x = torch.randn(32, 2) @ directions + 0.05 * torch.randn(32, 8)
        loss = functional.mse_loss(model(x), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.3
