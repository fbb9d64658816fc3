"""Double DQN on a ring of states with a soft target network."""
# fault: none
import random

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(83)
random.seed(83)
STATES, GAMMA = 8, 0.9


def q_network():
    return nn.Sequential(nn.Linear(STATES, 32), nn.ReLU(), nn.Linear(32, 2))


online, target = q_network(), q_network()
target.load_state_dict(online.state_dict())
for p in target.parameters():
    p.requires_grad_(False)
optimizer = torch.optim.Adam(online.parameters(), lr=5e-3)
eye, memory, state = torch.eye(STATES), [], 0

for step in range(350):
    eps = max(0.05, 1 - step / 200)
    with torch.no_grad():
        greedy = online(eye[state : state + 1]).argmax(1).item()
    action = random.randrange(2) if random.random() < eps else greedy
    after = (state + (1 if action else -1)) % STATES
    reward = 1.0 if after == 4 else 0.0
    memory.append((state, action, reward, after))
    state = 0 if after == 4 else after
    if len(memory) < 64:
        continue
    s, a, r, n = zip(*random.sample(memory, 32))
    a, r = torch.tensor(a), torch.tensor(r)
    q = online(eye[list(s)]).gather(1, a[:, None]).squeeze(1)
    with torch.no_grad():
        best = online(eye[list(n)]).argmax(1, keepdim=True)
        bootstrap = target(eye[list(n)]).gather(1, best).squeeze(1)
        goal = r + GAMMA * bootstrap * (1 - r)
    loss = F.smooth_l1_loss(q, goal)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(online.parameters(), 1.0)
    optimizer.step()
    with torch.no_grad():
        for slow, fast in zip(target.parameters(), online.parameters()):
            slow.lerp_(fast, 0.05)
    if step % 70 == 0:
        print(f"step {step} loss {loss.item():.4f}")
with torch.no_grad():
    values = online(eye).max(1).values
    print("values", [round(v, 2) for v in values.tolist()])
