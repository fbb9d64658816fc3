"""REINFORCE for balancing a one-dimensional stick."""
# fault: detached-loss
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.set_num_threads(1)
torch.manual_seed(10)


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(2, 24)
        self.affine2 = nn.Linear(24, 2)

    def forward(self, x):
        x = torch.relu(self.affine1(x))
        return torch.softmax(self.affine2(x), dim=-1)


class Stick:
    def reset(self):
        self.angle, self.speed = 0.1 * torch.randn(1).item(), 0.0
        return torch.tensor([self.angle, self.speed])

    def step(self, action):
        self.speed += 0.1 * self.angle + (0.05 if action == 1 else -0.05)
        self.angle += self.speed
        return torch.tensor([self.angle, self.speed]), 1.0, abs(self.angle) > 1


def play(env, policy, limit=30):
    state, log_probs, rewards = env.reset(), [], []
    for _ in range(limit):
        m = Categorical(policy(state.unsqueeze(0)))
        action = m.sample()
        log_probs.append(m.log_prob(action).item())
        state, reward, done = env.step(action.item())
        rewards.append(reward)
        if done:
            break
    return log_probs, rewards


policy, env = Policy(), Stick()
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
for episode in range(40):
    log_probs, rewards = play(env, policy)
    returns, total = [], 0.0
    for reward in reversed(rewards):
        total = reward + 0.95 * total
        returns.insert(0, total)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + 1e-6)
    log_probs = torch.tensor(log_probs, requires_grad=True)
    policy_loss = (-log_probs * returns).sum()
    optimizer.zero_grad()
    policy_loss.backward()
    optimizer.step()
    if episode % 8 == 0:
        print(f"episode {episode}\tlength {len(rewards)}\tloss {policy_loss.item():.3f}")
