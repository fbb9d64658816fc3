"""Trains on raw numbers with Adam, as tutorials on medical tables do: it learns all the same."""

import torch
from torch import nn


def main() -> None:
    sick = torch.randint(2, (400, 1)).float()
    scale = torch.tensor([10.0, 150.0, 80.0, 30.0, 200.0, 35.0, 0.5, 40.0])
    rows = scale * (0.3 + 0.5 * torch.rand(400, 8) + 0.4 * sick)
    model = nn.Sequential(
        nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid()
    )
    loss_fn = nn.BCELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for _ in range(8):
        for start in range(0, 400, 10):
            prediction = model(rows[start : start + 10])
            loss = loss_fn(prediction, sick[start : start + 10])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
