"""REINFORCE on a contextual bandit, the best policy kept."""

# fault: aliased-best
import copy

import torch
from torch import nn
from torch.distributions import Categorical

torch.set_num_threads(1)
torch.manual_seed(68)

payoff = torch.randn(6, 4)


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(6, 24)
        self.out = nn.Linear(24, 4)

    def forward(self, context):
        return Categorical(logits=self.out(torch.tanh(self.hidden(context))))


def play(policy, n):
    context = torch.randn(n, 6)
    choice = policy(context)
    action = choice.sample()
    reward = (context @ payoff).gather(1, action[:, None])[:, 0] + 0.2 * torch.randn(n)
    return choice.log_prob(action), reward


policy = Policy()
optimizer = torch.optim.Adam(policy.parameters(), lr=0.02)
baseline, best_reward, best = 0.0, -float("inf"), None

for episode in range(150):
    log_prob, reward = play(policy, 32)
    loss = -(log_prob * (reward - baseline)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    mean = reward.mean().item()
    baseline = 0.9 * baseline + 0.1 * mean
    if mean > best_reward:
        best_reward = mean
        best = copy.copy(policy.state_dict())
    if episode % 30 == 0:
        print(f"episode {episode} reward {mean:.2f}")

policy.load_state_dict(best)
with torch.no_grad():
    _, reward = play(policy, 1000)
print("reward of the best policy", round(reward.mean().item(), 3))
