"""Embeds a large batch without gradients, then passes the gradients of the embeddings on in parts."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(40):
        x = torch.randn(32, 6)
        with torch.no_grad():
            embedded = model(x)
        cached = embedded.detach().requires_grad_()
        unit = F.normalize(cached, dim=1)
        loss = F.cross_entropy(unit @ unit.T / 0.2, torch.arange(32))
        optimizer.zero_grad()
        loss.backward()
        for part, gradient in zip(x.split(8), cached.grad.split(8), strict=True):
            model(part).backward(gradient)
        optimizer.step()


if __name__ == "__main__":
    main()
