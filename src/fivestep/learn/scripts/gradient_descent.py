"""Gradient descent on a line: y = 0.8x + 0.5, from a weight and a bias of zero."""

import argparse
import csv

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=200)
parser.add_argument("--points", type=int, default=50)
parser.add_argument("--noise", type=float, default=0.05)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--data", help="a CSV of x and y, instead of y = 0.8x + 0.5")
args = parser.parse_args()

torch.manual_seed(args.seed)
if args.data:
    with open(args.data, newline="", encoding="utf-8") as file:
        rows = [[float(x), float(y)] for x, y in csv.reader(file)]
    x, y = torch.tensor(rows).split(1, dim=1)
else:
    x = torch.rand(args.points, 1)
    y = 0.8 * x + 0.5 + args.noise * torch.randn(args.points, 1)

model = nn.Linear(1, 1)
nn.init.zeros_(model.weight)
nn.init.zeros_(model.bias)
loss_fn = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)

for _ in range(args.epochs):
    prediction = model(x)
    loss = loss_fn(prediction, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

columns = torch.cat([x, torch.ones_like(x)], dim=1)  # what the weight and the bias multiply
best = torch.linalg.lstsq(columns, y).solution  # the line that no other comes closer than
steepest = torch.linalg.eigvalsh(2 * columns.T @ columns / len(x)).max().item()

print(f"learned:  weight {model.weight.item():.3f}  bias {model.bias.item():.3f}")
print(f"best:     weight {best[0].item():.3f}  bias {best[1].item():.3f}")
print(f"lowest loss {loss_fn(columns @ best, y).item():.6f}")
print(f"largest rate {2 / steepest:.3f}: 2 divided by the steepest curvature, {steepest:.3f}")
