"""Trains a Q-network to keep a car in its lane."""
# fault: none

import copy
import random
from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass
class Settings:
    gamma: float = 0.9
    lr: float = 3e-3
    memory: int = 2000
    batch: int = 64
    sync: int = 25
    steps: int = 300


class Lane:
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> list[float]:
        self.place, self.drift = random.uniform(-1, 1), random.uniform(-0.3, 0.3)
        return [self.place, self.drift]

    def act(self, action: int) -> tuple[list[float], float]:
        self.drift += 0.2 * (action - 1)
        self.drift = max(-0.6, min(0.6, self.drift))
        self.place = max(-2.0, min(2.0, self.place + self.drift))
        return [self.place, self.drift], -abs(self.place)


def choose(q: nn.Module, state: list[float], epsilon: float) -> int:
    if random.random() < epsilon:
        return random.randrange(3)
    with torch.no_grad():
        return q(torch.tensor(state)).argmax().item()


def td_loss(q: nn.Module, target: nn.Module, batch: list, gamma: float) -> Tensor:
    s, a, r, n = (torch.tensor(c) for c in zip(*batch))
    chosen = q(s).gather(1, a[:, None]).squeeze(1)
    with torch.no_grad():
        wanted = r + gamma * target(n).max(1).values
    return F.smooth_l1_loss(chosen, wanted)


random.seed(12)
torch.manual_seed(12)
torch.set_num_threads(1)
cfg, lane = Settings(), Lane()
q = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 3))
target = copy.deepcopy(q)
optimizer = torch.optim.Adam(q.parameters(), lr=cfg.lr)
memory: deque = deque(maxlen=cfg.memory)
rewards: list[float] = []
state = lane.reset()
for step in range(cfg.steps):
    for t in range(4):
        action = choose(q, state, epsilon=max(0.05, 1 - step / 150))
        following, reward = lane.act(action)
        memory.append((state, action, reward, following))
        rewards.append(reward)
        state = lane.reset() if len(rewards) % 40 == 0 else following
    if len(memory) < cfg.batch:
        continue
    loss = td_loss(q, target, random.sample(list(memory), cfg.batch), cfg.gamma)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % cfg.sync == 0:
        target.load_state_dict(q.state_dict())
    if step % 60 == 59:
        recent = rewards[-200:]
        print(f"step {step + 1}: reward {sum(recent) / len(recent):.3f} loss {loss.item():.4f}")
