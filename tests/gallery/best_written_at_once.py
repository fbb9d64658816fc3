"""Writes the best state to disk at once and keeps the dict: it lives on, and nobody reads it."""

import io

import torch
from torch import nn


def main() -> None:
    torch.manual_seed(0)
    model, lowest, file = nn.Linear(4, 1), float("inf"), io.BytesIO()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(40):
        x = torch.randn(32, 4)
        loss = nn.functional.mse_loss(model(x), x[:, :1])
        if loss.item() < lowest:
            lowest, file = loss.item(), io.BytesIO()
            best = {"loss": lowest, "model": model.state_dict()}
            torch.save(best, file)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.load_state_dict(torch.load(io.BytesIO(file.getvalue()))["model"])


if __name__ == "__main__":
    main()
