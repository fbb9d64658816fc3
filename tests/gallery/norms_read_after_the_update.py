"""The norm is read by an infinite limit after the update; bad gradients are seen and skipped."""

import torch
from torch import nn
from torch.nn import functional


def main() -> None:
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.02)
    for number in range(24):
        x = torch.randn(16, 4)
        error = (model(x) - x[:, :1]).pow(2)
        if number % 6 == 5:
            error = error * 0  # the root of which has no finite derivative
        optimizer.zero_grad()
        error.sqrt().mean().backward()
        gradients = [one.grad for one in model.parameters() if one.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if torch.isfinite(norm):
            optimizer.step()
            nn.utils.clip_grad_norm_(model.parameters(), float("inf"))
    scaled = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    for _ in range(16):
        x = torch.randn(16, 4)
        optimizer.zero_grad()
        scaled.scale(1e3 * functional.mse_loss(model(x), x[:, :1])).backward()
        scaled.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaled.step(optimizer)
        scaled.update()
