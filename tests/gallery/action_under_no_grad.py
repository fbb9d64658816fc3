"""Deep Q-learning: actions are chosen by argmax under no_grad, in train mode, with BatchNorm inside."""

import torch
from torch import nn
from torch.nn import functional


def main() -> None:
    def network() -> nn.Module:
        return nn.Sequential(nn.Linear(4, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))

    policy, target = network(), network()
    target.load_state_dict(policy.state_dict())
    target.eval()
    optimizer = torch.optim.AdamW(policy.parameters(), 1e-3)
    states = torch.randn(8, 4)
    for step in range(30):
        with torch.no_grad():
            actions = policy(states).max(1).indices
        after = 0.9 * states + 0.1 * (2 * actions - 1).unsqueeze(1)
        rewards = -after.pow(2).sum(dim=1)
        with torch.no_grad():
            expected = rewards + 0.9 * target(after).max(1).values
        value = policy(states).gather(1, actions.unsqueeze(1))
        loss = functional.smooth_l1_loss(value, expected.unsqueeze(1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(policy.parameters(), 100)
        optimizer.step()
        states = after + 0.1 * torch.randn(8, 4)
        if step % 10 == 0:
            target.load_state_dict(policy.state_dict())
