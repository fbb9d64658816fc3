"""Trains a network to predict the next state of a damped pendulum."""
# fault: gradless-training

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

torch.manual_seed(6)
torch.set_num_threads(1)


def simulate(n: int, steps: int = 8, dt: float = 0.05) -> tuple[Tensor, Tensor]:
    angle = (torch.rand(n) - 0.5) * math.pi
    speed = torch.randn(n)
    start = torch.stack([angle, speed], 1)
    for _ in range(steps):
        speed = speed + dt * (-3.0 * torch.sin(angle) - 0.2 * speed)
        angle = angle + dt * speed
    return start, torch.stack([angle, speed], 1)


@torch.no_grad()
def predict(model: nn.Module, state: Tensor) -> Tensor:
    return state + model(state)


def make_step(model: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[..., float]:
    loss_fn = nn.MSELoss()

    def step(state: Tensor, following: Tensor) -> float:
        optimizer.zero_grad()
        loss = loss_fn(predict(model, state), following)
        loss.requires_grad_(True)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
step = make_step(model, optimizer)
start, end = simulate(1024)
for i in range(120):
    rows = torch.randint(0, len(start), (64,))
    loss = step(start[rows], end[rows])
    if i % 30 == 0:
        print(f"iteration {i}: loss {loss:.4f}")

print("error on all trajectories", (predict(model, start) - end).abs().mean().item())
