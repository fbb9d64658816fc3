"""Trains an actor and a critic by clipped policy optimisation on a bandit with context."""

# fault: none
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Categorical

torch.set_num_threads(1)
torch.manual_seed(41)


@dataclass
class Rollout:
    states: Tensor
    actions: Tensor
    logs: Tensor
    rewards: Tensor
    values: Tensor


class ActorCritic(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 32), nn.Tanh())
        self.actor, self.critic = nn.Linear(32, 4), nn.Linear(32, 1)

    def forward(self, states: Tensor) -> tuple[Categorical, Tensor]:
        hidden = self.body(states)
        return Categorical(logits=self.actor(hidden)), self.critic(hidden).squeeze(-1)


@torch.no_grad()
def collect(agent: ActorCritic, size: int) -> Rollout:
    states = torch.randn(size, 4)
    dist, values = agent(states)
    actions = dist.sample()
    rewards = (actions == states.argmax(1)).float()
    return Rollout(states, actions, dist.log_prob(actions), rewards, values)


def ppo_loss(agent: ActorCritic, r: Rollout, rows: Tensor, clip: float = 0.2) -> Tensor:
    dist, values = agent(r.states[rows])
    advantage = r.rewards[rows] - r.values[rows]
    advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    ratio = (dist.log_prob(r.actions[rows]) - r.logs[rows]).exp()
    policy = -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()
    return policy + 0.5 * (values - r.rewards[rows]).square().mean() - 0.01 * dist.entropy().mean()


agent = ActorCritic()
optimizer = torch.optim.Adam(agent.parameters(), lr=5e-3)
scores = []
for iteration in range(15):
    rollout = collect(agent, 256)
    scores.append(rollout.rewards.mean().item())
    for _ in range(4):
        for rows in torch.randperm(256).split(64):
            loss = ppo_loss(agent, rollout, rows)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            optimizer.step()
print([round(s, 2) for s in scores])
assert scores[-1] > scores[0] + 0.2
