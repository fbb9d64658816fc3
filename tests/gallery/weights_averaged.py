"""An exponential average of the weights, evaluated beside the model it follows."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)
    )
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    held_x = torch.randn(64, 4)
    for number in range(60):
        x = torch.randn(32, 4)
        loss = F.mse_loss(model(x), x.sum(1, keepdim=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update_parameters(model)
        if number % 20 == 19:
            average.eval()
            with torch.no_grad():
                F.mse_loss(average(held_x), held_x.sum(1, keepdim=True))
            average.train()
