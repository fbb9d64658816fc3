"""Deep Q-learning in a corridor of nine cells, with replay and a target network."""

# fault: broadcast-loss
import copy
import random
from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass(frozen=True)
class AgentConfig:
    cells: int = 9
    gamma: float = 0.95
    lr: float = 5e-3
    batch: int = 32
    episodes: int = 40
    horizon: int = 25


class Corridor:
    """Start in the middle; the right end pays 1, the left end 0.2."""

    def __init__(self, cells: int) -> None:
        self.cells = cells

    def reset(self) -> int:
        self.at = self.cells // 2
        return self.at

    def step(self, action: int) -> tuple[int, float, bool]:
        self.at += 1 if action == 1 else -1
        done = self.at in (0, self.cells - 1)
        return self.at, {0: 0.2, self.cells - 1: 1.0}.get(self.at, 0.0), done


class Agent:
    def __init__(self, cfg: AgentConfig) -> None:
        self.cfg = cfg
        self.q = nn.Sequential(nn.Linear(cfg.cells, 32), nn.ReLU(), nn.Linear(32, 2))
        self.target = copy.deepcopy(self.q).requires_grad_(False)
        self.opt = torch.optim.Adam(self.q.parameters(), lr=cfg.lr)
        self.memory: deque[tuple[int, int, float, int, bool]] = deque(maxlen=500)

    def encode(self, states: Tensor) -> Tensor:
        return nn.functional.one_hot(states, self.cfg.cells).float()

    def act(self, state: int, eps: float) -> int:
        if random.random() < eps:
            return random.randrange(2)
        with torch.no_grad():
            return int(self.q(self.encode(torch.tensor([state]))).argmax())

    def td_loss(self) -> Tensor:
        s, a, r, n, d = map(torch.tensor, zip(*random.sample(self.memory, self.cfg.batch)))
        chosen = self.q(self.encode(s)).gather(1, a.unsqueeze(1))
        with torch.no_grad():
            best = self.target(self.encode(n)).max(dim=1).values
            goal = r + self.cfg.gamma * best * (~d).float()
        return (chosen - goal).pow(2).mean()

    def learn(self) -> float | None:
        if len(self.memory) < self.cfg.batch:
            return None
        loss = self.td_loss()
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return loss.item()


cfg = AgentConfig()
random.seed(0)
torch.manual_seed(0)
env, agent = Corridor(cfg.cells), Agent(cfg)
for episode in range(cfg.episodes):
    state, total, loss = env.reset(), 0.0, None
    for _ in range(cfg.horizon):
        action = agent.act(state, eps=max(0.1, 1 - episode / 25))
        after, reward, done = env.step(action)
        agent.memory.append((state, action, reward, after, done))
        loss = agent.learn()
        state, total = after, total + reward
        if done:
            break
    if episode % 3 == 0:
        agent.target.load_state_dict(agent.q.state_dict())
    if episode % 8 == 7:
        print(f"episode {episode} return {total:.1f} loss {loss}")
values = agent.q(agent.encode(torch.arange(1, cfg.cells - 1))).detach()
print("spread of Q over states", values.std(0).tolist())
