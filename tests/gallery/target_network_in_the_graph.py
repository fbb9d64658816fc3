"""Q-learning without a detach: gradients pile up in a target network that only ever takes copies."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as fn


def value() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))


def main() -> None:
    for tau in (None, 0.05):
        learner, target = value(), value()
        target.load_state_dict(learner.state_dict())
        optimizer = torch.optim.Adam(learner.parameters(), lr=0.001)
        for step in range(120):
            state, action = torch.randn(32, 4), torch.randint(2, (32, 1))
            reward, following = state[:, :1] * (2 * action - 1), state + 0.1 * torch.randn(32, 4)
            wanted = reward + 0.9 * target(following).max(1)[0].unsqueeze(1)
            loss = fn.smooth_l1_loss(learner(state).gather(1, action), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if tau is not None:
                for mine, theirs in zip(target.parameters(), learner.parameters(), strict=True):
                    mine.data.copy_(mine.data * (1 - tau) + theirs.data * tau)
            elif step % 10 == 9:
                target.load_state_dict(learner.state_dict())
