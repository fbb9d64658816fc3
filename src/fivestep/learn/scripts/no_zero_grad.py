"""A line, y = 2x + 1, with all points at once or in mini-batches. What if zero_grad is left out?"""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--batch", type=int, default=100)
parser.add_argument("--iterations", type=int, default=60)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

torch.manual_seed(args.seed)
x = torch.rand(100, 1) * 2 - 1
y = 2 * x + 1

model = nn.Linear(1, 1)
loss_fn = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)

for _ in range(args.iterations):
    drawn = torch.randperm(100)[: args.batch].sort().values
    prediction = model(x[drawn])
    loss = loss_fn(prediction, y[drawn])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

print(f"learned: y = {model.weight.item():.4g} x + {model.bias.item():.4g}")
print(f"last loss {loss.item():.4g}")
