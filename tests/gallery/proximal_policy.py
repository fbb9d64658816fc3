"""PPO: rollouts without gradients in train mode, several epochs over them."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    actor, critic = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3)), nn.Linear(4, 1)
    optimizer = torch.optim.Adam([*actor.parameters(), *critic.parameters()], 3e-3)
    for _ in range(8):
        states, actions, before = [], [], []
        with torch.no_grad():
            for _ in range(32):
                state = torch.randn(4)
                chosen = torch.distributions.Categorical(logits=actor(state))
                action = chosen.sample()
                states.append(state)
                actions.append(action)
                before.append(chosen.log_prob(action))
        s, a, old = torch.stack(states), torch.stack(actions), torch.stack(before)
        rewards = a.float() + s[:, 0]
        for _ in range(4):
            chosen = torch.distributions.Categorical(logits=actor(s))
            value = critic(s).squeeze(1)
            ratio = (chosen.log_prob(a) - old).exp()
            gain = (rewards - value).detach()
            policy = -torch.min(ratio * gain, ratio.clamp(0.8, 1.2) * gain).mean()
            loss = policy + 0.5 * F.mse_loss(value, rewards) - 0.01 * chosen.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
