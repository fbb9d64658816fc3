"""REINFORCE on a small contextual bandit; the rollouts are gathered first, then learned from."""
# fault: gradless-training

import torch
from torch import nn
from torch.distributions import Categorical

torch.set_num_threads(1)
torch.manual_seed(46)

WEIGHTS = torch.randn(4, 3)


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 3))

    def forward(self, state):
        return Categorical(logits=self.net(state))


@torch.no_grad()
def collect(policy, n):
    state = torch.randn(n, 4)
    distribution = policy(state)
    action = distribution.sample()
    reward = (state @ WEIGHTS).gather(1, action[:, None]).squeeze(1)
    return distribution.log_prob(action), reward


policy = Policy()
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
for iteration in range(30):
    log_prob, reward = collect(policy, 64)
    advantage = (reward - reward.mean()) / reward.std()
    loss = -(log_prob * advantage).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"iteration {iteration}: mean reward {reward.mean().item():.3f}")
