"""Deep Q-learning: a target network without gradients, copied now and then; the loss may rise."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    online = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
    target = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
    target.load_state_dict(online.state_dict())
    optimizer = torch.optim.Adam(online.parameters(), 1e-3)
    for number in range(80):
        state, following = torch.randn(32, 4), torch.randn(32, 4)
        action, reward = torch.randint(2, (32, 1)), torch.randn(32, 1).abs()
        values = online(state).gather(1, action)
        with torch.no_grad():
            wanted = reward + 0.99 * target(following).max(1).values.unsqueeze(1)
        loss = F.smooth_l1_loss(values, wanted)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(online.parameters(), 100)
        optimizer.step()
        if number % 10 == 0:
            target.load_state_dict(online.state_dict())
