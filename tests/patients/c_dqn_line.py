"""Deep Q-learning on a short corridor, target network copied now and then; its loss need not fall."""

# fault: none
import random
from collections import deque

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(120)
random.seed(120)
LENGTH, GAMMA = 7, 0.9


def encode(position):
    return torch.nn.functional.one_hot(torch.tensor(position), LENGTH).float()


def act(position, action):
    position = max(0, position - 1) if action == 0 else position + 1
    done = position == LENGTH - 1
    return position, float(done), done


def make():
    return nn.Sequential(nn.Linear(LENGTH, 24), nn.ReLU(), nn.Linear(24, 2))


policy, target = make(), make()
target.load_state_dict(policy.state_dict())
target.eval()
optimizer = torch.optim.Adam(policy.parameters(), lr=5e-3)
memory, updates, epsilon = deque(maxlen=500), 0, 1.0

for episode in range(50):
    position, done, length = 0, False, 0
    while not done and length < 40:
        if random.random() < epsilon:
            action = random.randrange(2)
        else:
            with torch.no_grad():
                action = policy(encode(position)).argmax().item()
        following, reward, done = act(position, action)
        memory.append((position, action, reward, following, float(done)))
        position, length = following, length + 1
        if len(memory) < 32 or length % 2:
            continue
        s, a, r, n, d = map(torch.tensor, zip(*random.sample(memory, 32)))
        q = policy(torch.eye(LENGTH)[s]).gather(1, a[:, None]).squeeze(1)
        with torch.no_grad():
            future = target(torch.eye(LENGTH)[n]).max(1).values
        loss = nn.functional.smooth_l1_loss(q, r + GAMMA * (1 - d) * future)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        updates += 1
        if updates % 20 == 0:
            target.load_state_dict(policy.state_dict())
    epsilon = max(0.05, epsilon * 0.95)

with torch.no_grad():
    print("updates", updates, "policy", policy(torch.eye(LENGTH)).argmax(1).tolist())
