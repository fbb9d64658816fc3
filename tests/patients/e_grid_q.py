"""Learns action values of a ring world with a target network and a replay memory."""
# fault: none

import copy
import random
from collections import deque

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(5)
random.seed(5)
CELLS, GOAL = 10, 6


def code(cell):
    return nn.functional.one_hot(torch.as_tensor(cell), CELLS).float()


q = nn.Sequential(nn.Linear(CELLS, 32), nn.ReLU(), nn.Linear(32, 2))
target = copy.deepcopy(q)
for p in target.parameters():
    p.requires_grad_(False)
optimizer = torch.optim.Adam(q.parameters(), lr=3e-3)
memory = deque(maxlen=1000)
cell, hits = 0, 0

for step in range(400):
    if random.random() < max(0.1, 1 - step / 200):
        action = random.randrange(2)
    else:
        with torch.no_grad():
            action = q(code(cell)).argmax().item()
    after = (cell + (1 if action else -1)) % CELLS
    done = after == GOAL
    hits += done
    memory.append((cell, action, 1.0 if done else 0.0, after, float(done)))
    cell = random.randrange(CELLS) if done else after
    if len(memory) < 64:
        continue
    s, a, r, s2, d = map(torch.tensor, zip(*random.sample(memory, 32)))
    with torch.no_grad():
        goal = r + 0.9 * (1 - d) * target(code(s2)).amax(1)
    chosen = q(code(s)).gather(1, a[:, None]).squeeze(1)
    loss = nn.functional.smooth_l1_loss(chosen, goal)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 25 == 0:
        target.load_state_dict(q.state_dict())
    if step % 80 == 79:
        print(f"{step + 1}: loss {loss.item():.4f}, goals reached {hits}")
with torch.no_grad():
    print("policy", q(code(torch.arange(CELLS))).argmax(1).tolist())
