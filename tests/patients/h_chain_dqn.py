"""Trains Q-values on a slippery chain from a replay buffer, against a slowly copied target network."""

# fault: none
import copy
import random
from collections import deque

import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(12)
random.seed(12)

STATES, GAMMA = 6, 0.9
Transition = tuple[int, int, float, int, bool]


def move(state: int, action: int) -> tuple[float, int, bool]:
    if random.random() < 0.1:
        action = 1 - action
    following = min(STATES - 1, state + 1) if action else 0
    return (1.0, following, True) if following == STATES - 1 else (0.0, following, False)


def encode(states: list[int]) -> Tensor:
    return nn.functional.one_hot(torch.tensor(states), STATES).float()


online = nn.Sequential(nn.Linear(STATES, 32), nn.ReLU(), nn.Linear(32, 2))
target = copy.deepcopy(online)
optimizer = torch.optim.RMSprop(online.parameters(), lr=2e-3)
memory: deque[Transition] = deque(maxlen=2000)


def act(state: int, epsilon: float) -> int:
    if random.random() < epsilon:
        return random.randrange(2)
    with torch.no_grad():
        return int(online(encode([state])).argmax())


def learn(size: int = 32) -> float:
    states, actions, rewards, nexts, dones = zip(*random.sample(memory, size))
    chosen = online(encode(list(states))).gather(1, torch.tensor(actions)[:, None]).squeeze(1)
    with torch.no_grad():
        bootstrap = target(encode(list(nexts))).amax(1) * (
            1 - torch.tensor(dones, dtype=torch.float32)
        )
    loss = nn.functional.smooth_l1_loss(chosen, torch.tensor(rewards) + GAMMA * bootstrap)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(online.parameters(), 1.0)
    optimizer.step()
    return loss.item()


state = 0
for step in range(500):
    action = act(state, epsilon=max(0.1, 1 - step / 250))
    reward, following, done = move(state, action)
    memory.append((state, action, reward, following, done))
    state = 0 if done else following
    if step >= 100:
        learn()
        with torch.no_grad():
            for slow, fast in zip(target.parameters(), online.parameters()):
                slow.lerp_(fast, 0.05)
with torch.no_grad():
    values = online(encode(list(range(STATES - 1))))
print(values)
assert (values[:, 1] > values[:, 0]).sum() >= 4
