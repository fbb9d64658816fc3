"""Trains a policy to walk a corridor by REINFORCE with a running baseline."""

# fault: none
import torch
from torch import Tensor, nn
from torch.distributions import Categorical

torch.set_num_threads(1)
torch.manual_seed(11)

LENGTH, HORIZON = 7, 14


class Corridor:
    def reset(self) -> int:
        self.place, self.clock = 0, 0
        return self.place

    def step(self, action: int) -> tuple[int, float, bool]:
        self.clock += 1
        self.place = max(0, self.place + (1 if action == 1 else -1))
        done = self.place == LENGTH - 1
        return self.place, 1.0 if done else -0.05, done or self.clock == HORIZON


policy = nn.Sequential(nn.Embedding(LENGTH, 16), nn.Tanh(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=3e-2)
env = Corridor()


def rollout() -> tuple[Tensor, list[float]]:
    state, done, logs, rewards = env.reset(), False, [], []
    while not done:
        dist = Categorical(logits=policy(torch.tensor(state)))
        action = dist.sample()
        state, reward, done = env.step(int(action))
        logs.append(dist.log_prob(action))
        rewards.append(reward)
    return torch.stack(logs), rewards


def returns_of(rewards: list[float], gamma: float = 0.98) -> Tensor:
    total, out = 0.0, []
    for reward in reversed(rewards):
        total = reward + gamma * total
        out.append(total)
    return torch.tensor(out[::-1])


baseline, scores = 0.0, []
for episode in range(120):
    log_probs, rewards = rollout()
    returns = returns_of(rewards)
    loss = -((returns - baseline) * log_probs).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    baseline = 0.9 * baseline + 0.1 * returns.mean().item()
    scores.append(sum(rewards))
print(f"mean return {sum(scores[:20]) / 20:.2f} -> {sum(scores[-20:]) / 20:.2f}")
assert sum(scores[-20:]) > sum(scores[:20])
