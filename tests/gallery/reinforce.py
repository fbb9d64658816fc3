"""REINFORCE: actions one by one in train mode, losses that rise, episodes of any length."""

from __future__ import annotations

import torch
from torch import nn


def main() -> None:
    policy = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2), nn.Softmax(dim=-1))
    optimizer = torch.optim.Adam(policy.parameters(), 1e-2)
    for _ in range(15):
        saved: list[torch.Tensor] = []
        rewards: list[float] = []
        for _ in range(int(torch.randint(5, 20, ()))):
            chosen = torch.distributions.Categorical(policy(torch.randn(4)))
            action = chosen.sample()
            saved.append(chosen.log_prob(action))
            rewards.append(float(action))
        returns = torch.tensor(rewards).flip(0).cumsum(0).flip(0)
        returns = (returns - returns.mean()) / (returns.std() + 1e-6)
        optimizer.zero_grad()
        torch.stack([-one * r for one, r in zip(saved, returns, strict=True)]).sum().backward()
        optimizer.step()
