"""Double DQN on a 4x4 grid with a walking target network."""

# fault: none
import copy
import random
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class Hyper:
    gamma: float = 0.9
    tau: float = 0.05
    lr: float = 3e-3
    batch: int = 32
    episodes: int = 30


class Transition(NamedTuple):
    s: int
    a: int
    r: float
    n: int
    done: bool


def move(s: int, a: int) -> Transition:
    row, col = divmod(s, 4)
    row = min(3, max(0, row + (a == 0) - (a == 1)))
    col = min(3, max(0, col + (a == 2) - (a == 3)))
    n = 4 * row + col
    return Transition(s, a, 1.0 if n == 15 else -0.02, n, n == 15)


class Learner:
    def __init__(self, hyper: Hyper) -> None:
        self.h = hyper
        self.online = nn.Sequential(nn.Embedding(16, 32), nn.ReLU(), nn.Linear(32, 4))
        self.target = copy.deepcopy(self.online)
        self.opt = torch.optim.Adam(self.online.parameters(), lr=hyper.lr)

    @torch.no_grad()
    def goal(self, r: Tensor, n: Tensor, done: Tensor) -> Tensor:
        best = self.online(n).argmax(1, keepdim=True)
        return r + self.h.gamma * self.target(n).gather(1, best).squeeze(1) * (1 - done)

    def update(self, batch: list[Transition]) -> float:
        s, a, r, n, done = (torch.tensor(column) for column in zip(*batch, strict=True))
        q = self.online(s).gather(1, a.unsqueeze(1)).squeeze(1)
        loss = nn.functional.smooth_l1_loss(q, self.goal(r, n, done.float()))
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        with torch.no_grad():
            for old, new in zip(self.target.parameters(), self.online.parameters(), strict=True):
                old.lerp_(new, self.h.tau)
        return loss.item()


random.seed(0)
torch.manual_seed(0)
hyper = Hyper()
learner, memory = Learner(hyper), []
for episode in range(hyper.episodes):
    s, length, loss = 0, 0, 0.0
    while length < 30:
        if random.random() < max(0.1, 1 - episode / 15):
            a = random.randrange(4)
        else:
            with torch.no_grad():
                a = int(learner.online(torch.tensor([s])).argmax())
        memory.append(move(s, a))
        s, length = memory[-1].n, length + 1
        if len(memory) >= hyper.batch:
            loss = learner.update(random.sample(memory, hyper.batch))
        if memory[-1].done:
            break
    if episode % 6 == 5:
        print(f"episode {episode} length {length} loss {loss:.4f}")
