"""REINFORCE with a running baseline: steer a point to a goal in ten moves."""

# fault: none
import torch
from torch import Tensor, nn
from torch.distributions import Normal

torch.set_num_threads(1)


class Policy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 2))
        self.log_std = nn.Parameter(torch.full((2,), -1.0))

    def forward(self, state: Tensor) -> Normal:
        return Normal(self.net(state), self.log_std.exp())


def episode(policy: Policy, batch: int, moves: int = 10) -> tuple[Tensor, Tensor]:
    at, goal = torch.zeros(batch, 2), torch.rand(batch, 2) * 2 - 1
    log_probs, rewards = [], []
    for _ in range(moves):
        dist = policy(torch.cat([at, goal], 1))
        action = dist.sample()
        log_probs.append(dist.log_prob(action).sum(1))
        at = at + 0.3 * action.clamp(-1, 1)
        rewards.append(-(at - goal).norm(dim=1))
    returns = torch.stack(rewards).flip(0).cumsum(0).flip(0)
    return torch.stack(log_probs), returns


torch.manual_seed(0)
policy = Policy()
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
baseline = torch.zeros(10, 1)
for update in range(80):
    log_probs, returns = episode(policy, batch=64)
    baseline = 0.8 * baseline + 0.2 * returns.mean(1, keepdim=True)
    advantage = returns - baseline
    loss = -(log_probs * advantage / (advantage.std() + 1e-6)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if update % 20 == 19:
        print(f"update {update} loss {loss.item():+.3f} return {returns[0].mean().item():.3f}")
