"""Deep Q-learning in a corridor of twelve cells, from a replay memory."""
# fault: broadcast-loss
import random
from collections import deque, namedtuple

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(0)
random.seed(0)

Transition = namedtuple("Transition", "state action reward next_state done")
CELLS, GAMMA, BATCH = 12, 0.95, 32


def encode(cell):
    return F.one_hot(torch.tensor(cell), CELLS).float()


class QNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(CELLS, 32)
        self.fc2 = nn.Linear(32, 2)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


class Agent:
    def __init__(self):
        self.policy, self.target = QNet(), QNet()
        self.target.load_state_dict(self.policy.state_dict())
        self.memory = deque(maxlen=1000)
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=2e-3)

    def act(self, cell, eps):
        if random.random() < eps:
            return random.randrange(2)
        with torch.no_grad():
            return self.policy(encode(cell).unsqueeze(0)).argmax(1).item()

    def learn(self):
        if len(self.memory) < BATCH:
            return None
        batch = Transition(*zip(*random.sample(self.memory, BATCH)))
        states = torch.stack(batch.state)
        actions = torch.tensor(batch.action).unsqueeze(1)
        rewards = torch.tensor(batch.reward)
        next_states = torch.stack(batch.next_state)
        done = torch.tensor(batch.done)
        q = self.policy(states).gather(1, actions)
        with torch.no_grad():
            best = self.target(next_states).max(1).values
        expected = rewards + GAMMA * best * (1 - done)
        loss = F.smooth_l1_loss(q, expected)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


agent = Agent()
steps = 0
for episode in range(25):
    cell, total, loss = 3, 0.0, None
    for _ in range(12):
        action = agent.act(cell, eps=max(0.1, 1 - episode / 15))
        after = min(max(cell + (1 if action else -1), 0), CELLS - 1)
        reward = 1.0 if after == CELLS - 1 else (0.1 if after == 0 else 0.0)
        done = float(after in (0, CELLS - 1))
        agent.memory.append(Transition(encode(cell), action, reward, encode(after), done))
        loss = agent.learn()
        total += reward
        steps += 1
        cell = after
        if steps % 50 == 0:
            agent.target.load_state_dict(agent.policy.state_dict())
        if done:
            break
    if episode % 5 == 0:
        print("episode", episode, "return", total, "loss", loss)
with torch.no_grad():
    print(agent.policy(torch.eye(CELLS)))
