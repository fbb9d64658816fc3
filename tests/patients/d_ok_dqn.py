"""Deep Q-learning on a small grid with a replay memory and a target network."""
# fault: none

import copy
import random
from collections import deque

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(62)
random.seed(62)

SIZE = 4
MOVES = [(0, 1), (1, 0), (0, -1), (-1, 0)]


def encode(r, c):
    state = torch.zeros(SIZE * 2)
    state[r] = 1.0
    state[SIZE + c] = 1.0
    return state


def move(r, c, a):
    r = min(SIZE - 1, max(0, r + MOVES[a][0]))
    c = min(SIZE - 1, max(0, c + MOVES[a][1]))
    done = (r, c) == (SIZE - 1, SIZE - 1)
    return r, c, (1.0 if done else -0.05), done


q_net = nn.Sequential(nn.Linear(2 * SIZE, 32), nn.ReLU(), nn.Linear(32, 4))
target_net = copy.deepcopy(q_net)
optimizer = torch.optim.Adam(q_net.parameters(), lr=3e-3)
memory = deque(maxlen=500)
lengths, updates = [], 0

for episode in range(50):
    r, c, epsilon = 0, 0, max(0.05, 1 - episode / 30)
    for t in range(30):
        if random.random() < epsilon:
            a = random.randrange(4)
        else:
            with torch.no_grad():
                a = q_net(encode(r, c)).argmax().item()
        r2, c2, reward, done = move(r, c, a)
        memory.append((encode(r, c), a, reward, encode(r2, c2), float(done)))
        r, c = r2, c2
        if len(memory) >= 32 and t % 2 == 0:
            s, act, rew, s2, end = zip(*random.sample(memory, 32), strict=True)
            q = q_net(torch.stack(s)).gather(1, torch.tensor(act).unsqueeze(1)).squeeze(1)
            with torch.no_grad():
                best = target_net(torch.stack(s2)).max(dim=1).values
                goal = torch.tensor(rew) + 0.95 * (1 - torch.tensor(end)) * best
            loss = nn.functional.smooth_l1_loss(q, goal)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            updates += 1
            if updates % 25 == 0:
                target_net.load_state_dict(q_net.state_dict())
        if done:
            break
    lengths.append(t + 1)

print(f"{updates} updates; first ten {sum(lengths[:10]) / 10}, last ten {sum(lengths[-10:]) / 10}")
