"""Trains a policy and a critic by clipped policy optimisation on a toy balance task."""
# fault: none

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Categorical
from torch.nn import functional as F


@dataclass
class Rollout:
    states: Tensor
    actions: Tensor
    log_probs: Tensor
    returns: Tensor
    advantages: Tensor


class ActorCritic(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Dropout(0.0))
        self.actor = nn.Linear(32, 2)
        self.critic = nn.Linear(32, 1)

    def forward(self, s: Tensor) -> tuple[Categorical, Tensor]:
        h = self.body(s)
        return Categorical(logits=self.actor(h)), self.critic(h).squeeze(-1)


@torch.no_grad()
def collect(model: ActorCritic, n: int = 32, horizon: int = 12) -> tuple[Rollout, float]:
    s = torch.randn(n, 2)
    states, actions, log_probs, rewards, values = [], [], [], [], []
    for _ in range(horizon):
        policy, value = model(s)
        a = policy.sample()
        states.append(s)
        actions.append(a)
        log_probs.append(policy.log_prob(a))
        values.append(value)
        speed = s[:, 1] + 0.3 * (2.0 * a - 1)
        s = torch.stack([s[:, 0] + 0.3 * speed, speed], 1)
        rewards.append(-s.square().sum(1).clamp(max=9.0) / 9)
    total, returns = torch.zeros(n), []
    for r in reversed(rewards):
        total = r + 0.9 * total
        returns.insert(0, total)
    ret = torch.cat(returns)
    adv = ret - torch.cat(values)
    rollout = Rollout(
        torch.cat(states),
        torch.cat(actions),
        torch.cat(log_probs),
        ret,
        (adv - adv.mean()) / adv.std(),
    )
    return rollout, torch.stack(rewards).mean().item()


def ppo_loss(model: ActorCritic, r: Rollout, rows: Tensor) -> Tensor:
    policy, value = model(r.states[rows])
    ratio = (policy.log_prob(r.actions[rows]) - r.log_probs[rows]).exp()
    adv = r.advantages[rows]
    surrogate = torch.minimum(ratio * adv, ratio.clamp(0.8, 1.2) * adv).mean()
    return -surrogate + 0.5 * F.mse_loss(value, r.returns[rows]) - 0.01 * policy.entropy().mean()


torch.manual_seed(4)
torch.set_num_threads(1)
model = ActorCritic()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for i in range(24):
    rollout, reward = collect(model)
    for _ in range(2):
        for rows in torch.randperm(len(rollout.states)).split(96):
            optimizer.zero_grad()
            ppo_loss(model, rollout, rows).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
    if i % 6 == 5 or i == 0:
        print(f"rollout {i + 1}: mean reward {reward:.3f}")
