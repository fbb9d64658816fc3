"""Trains a GRU to foretell a long signal read in order, piece by piece."""
# fault: none

from collections.abc import Iterator

import torch
from torch import Tensor, nn

torch.manual_seed(11)
torch.set_num_threads(1)


def signal(lanes: int, length: int) -> Tensor:
    t = torch.arange(length).float()
    speed = 0.2 + 0.1 * torch.rand(lanes, 1)
    return torch.sin(speed * t + 6 * torch.rand(lanes, 1)) + 0.05 * torch.randn(lanes, length)


def pieces(x: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(0, x.shape[1] - size, size):
        window = x[:, start : start + size + 1, None]
        yield window[:, :-1], window[:, 1:]


class Forecaster(nn.Module):
    def __init__(self, hidden: int = 24) -> None:
        super().__init__()
        self.rnn = nn.GRU(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        h, state = self.rnn(x, state)
        return self.out(h), state


x = signal(lanes=16, length=481)
model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(6):
    state = None
    total = count = 0
    for past, future in pieces(x, size=20):
        guess, state = model(past, state)
        state = state.detach()
        loss = nn.functional.mse_loss(guess, future)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total, count = total + loss.item(), count + 1
    print(f"epoch {epoch}: mse {total / count:.4f}")
