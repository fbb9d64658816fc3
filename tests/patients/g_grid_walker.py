"""Trains a policy by REINFORCE to walk to the end of a corridor."""
# fault: missing-update

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.distributions import Categorical


@dataclass
class Episode:
    log_probs: list[Tensor] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)

    def returns(self, gamma: float = 0.95) -> Tensor:
        total, out = 0.0, []
        for reward in reversed(self.rewards):
            total = reward + gamma * total
            out.append(total)
        return torch.tensor(out[::-1])


class Corridor:
    length = 6

    def observe(self, place: int) -> Tensor:
        return nn.functional.one_hot(torch.tensor(place), self.length).float()

    def play(self, net: nn.Module, limit: int = 16) -> Episode:
        place, episode = 0, Episode()
        for _ in range(limit):
            choice = Categorical(logits=net(self.observe(place)))
            action = choice.sample()
            episode.log_probs.append(choice.log_prob(action))
            place = max(0, place + (1 if action.item() == 1 else -1))
            done = place == self.length - 1
            episode.rewards.append(1.0 if done else -0.05)
            if done:
                break
        return episode


class Agent:
    def __init__(self, lr: float) -> None:
        self.net = nn.Sequential(nn.Linear(Corridor.length, 24), nn.Tanh(), nn.Linear(24, 2))
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=lr)

    def learn(self, episodes: list[Episode]) -> float:
        self.optimizer.zero_grad()
        returns = torch.cat([e.returns() for e in episodes])
        log_probs = torch.stack([lp for e in episodes for lp in e.log_probs])
        loss = -(log_probs * (returns - returns.mean())).mean()
        loss.backward()
        return loss.item()


torch.manual_seed(32)
torch.set_num_threads(1)
agent, corridor = Agent(lr=1e-2), Corridor()
for i in range(40):
    episodes = [corridor.play(agent.net) for _ in range(4)]
    agent.learn(episodes)
    if i % 8 == 7:
        mean = sum(sum(e.rewards) for e in episodes) / len(episodes)
        print(f"iteration {i + 1}: mean reward {mean:.3f}")
