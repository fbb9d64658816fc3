"""REINFORCE with a baseline walks a corridor to its right end."""
# fault: none

import torch
from torch import nn
from torch.distributions import Categorical

torch.set_num_threads(1)
torch.manual_seed(61)

CELLS, LIMIT = 6, 20


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(CELLS, 24), nn.Tanh())
        self.action = nn.Linear(24, 2)
        self.value = nn.Linear(24, 1)

    def forward(self, state):
        h = self.body(state)
        return Categorical(logits=self.action(h)), self.value(h).squeeze(-1)


eye = torch.eye(CELLS)
policy = Policy()
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
lengths = []

for episode in range(80):
    cell, log_probs, values, rewards = 0, [], [], []
    for _ in range(LIMIT):
        dist, value = policy(eye[cell])
        action = dist.sample()
        log_probs.append(dist.log_prob(action))
        values.append(value)
        cell = min(CELLS - 1, cell + 1) if action.item() == 1 else max(0, cell - 1)
        rewards.append(1.0 if cell == CELLS - 1 else -0.1)
        if cell == CELLS - 1:
            break
    returns, total = [], 0.0
    for r in reversed(rewards):
        total = r + 0.95 * total
        returns.insert(0, total)
    returns = torch.tensor(returns)
    values = torch.stack(values)
    advantage = returns - values.detach()
    loss = -(torch.stack(log_probs) * advantage).sum() + (values - returns).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    lengths.append(len(rewards))

print("mean length of the first ten episodes", sum(lengths[:10]) / 10)
print("mean length of the last ten episodes", sum(lengths[-10:]) / 10)
