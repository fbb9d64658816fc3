"""REINFORCE in eval mode: the graphs of many forwards wait for one backward at the end of an episode."""

import torch
from torch import nn


def main() -> None:
    policy = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2)).eval()
    optimizer = torch.optim.Adam(policy.parameters(), 1e-2)
    for _ in range(20):
        state, kept, rewards = torch.zeros(1, 4), [], []
        for _ in range(12):
            choice = torch.distributions.Categorical(logits=policy(state))
            action = choice.sample()
            kept.append(choice.log_prob(action))
            state = (0.9 * state + 0.1 * (2 * action - 1) + 0.05 * torch.randn(1, 4)).detach()
            rewards.append(-state.pow(2).sum())
        advantage = torch.stack(rewards).flip(0).cumsum(0).flip(0)
        loss = -(torch.cat(kept) * (advantage - advantage.mean())).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
