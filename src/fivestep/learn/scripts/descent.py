"""A long valley with two weights: how fast does each way of going down get to its bottom?"""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--optimizer", choices=["sgd", "momentum", "adam"], default="sgd")
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--schedule", choices=["none", "cosine", "steps"], default="none")
parser.add_argument("--stretch", type=float, default=5.0, help="times as long as wide")
parser.add_argument("--noise", type=float, default=0.0)
parser.add_argument("--batch", type=int, default=100, help="of 100 points")
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

torch.manual_seed(args.seed)
x = torch.randn(100, 2) * torch.tensor([2.0, 2.0 / args.stretch])
y = x @ torch.tensor([[1.0], [args.stretch]]) + args.noise * torch.randn(100, 1)

model = nn.Linear(2, 1, bias=False)
nn.init.zeros_(model.weight)
loss_fn = nn.MSELoss()
if args.optimizer == "adam":
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
else:
    momentum = 0.9 if args.optimizer == "momentum" else 0.0
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=momentum)
scheduler = None
if args.schedule == "cosine":
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
elif args.schedule == "steps":
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, max(1, args.epochs // 3))

loader = DataLoader(TensorDataset(x, y), batch_size=args.batch, shuffle=True)
for _ in range(args.epochs):
    for xb, yb in loader:
        prediction = model(xb)
        loss = loss_fn(prediction, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if scheduler is not None:
        scheduler.step()
with torch.no_grad():
    lowest = loss_fn(x @ torch.linalg.lstsq(x, y).solution, y).item()  # what no line goes below
    last = loss_fn(model(x), y).item()
print(f"loss on all points: {last:.4g}, above the lowest possible: {last - lowest:.4g}")
print(f"weights {model.weight[0, 0].item():.3f} and {model.weight[0, 1].item():.3f}")
