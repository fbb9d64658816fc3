"""Trains a critic on real and fake batches in turns, through one helper: one class each."""

import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, TensorDataset


def step(
    critic: nn.Module, optimizer: torch.optim.Optimizer, images: torch.Tensor, real: float
) -> None:
    optimizer.zero_grad()
    answer = critic(images)
    fn.binary_cross_entropy_with_logits(answer, torch.full_like(answer, real)).backward()
    optimizer.step()


def main() -> None:
    critic = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    maker = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    judge = torch.optim.Adam(critic.parameters(), lr=1e-3)
    paint = torch.optim.Adam(maker.parameters(), lr=1e-3)
    loader = DataLoader(TensorDataset(torch.randn(320, 2)), batch_size=16)
    for _ in range(3):
        for (real,) in loader:
            step(critic, judge, real, 1.0)
            step(critic, judge, maker(torch.randn(16, 4)).detach(), 0.0)
            paint.zero_grad()
            answer = critic(maker(torch.randn(16, 4)))
            fn.binary_cross_entropy_with_logits(answer, torch.ones_like(answer)).backward()
            paint.step()
