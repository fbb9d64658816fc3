"""Online learning, one example at a time: the loss jumps with each example and still goes down."""

# fault: none
import random

import torch
from torch import nn

torch.set_num_threads(1)
random.seed(122)
torch.manual_seed(122)


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(5, 20)
        self.second = nn.Linear(20, 1)

    def forward(self, x):
        return self.second(torch.tanh(self.first(x))).squeeze(-1)


def example():
    x = torch.randn(5)
    y = torch.sign(x[0] + x[1] * 0.5)
    return x, y if random.random() > 0.05 else -y


model = Perceptron()
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
recent = []
for i in range(400):
    x, y = example()
    loss = nn.functional.softplus(-y * model(x))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    recent.append(loss.item())
    if i % 80 == 79:
        print(i + 1, sum(recent[-80:]) / 80)
