"""A wave with noise on it, learned from points: sound as it stands, sick by one setting."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--batch", type=int, default=20)
parser.add_argument("--hidden", type=int, default=2, help="layers; 0 leaves a straight line")
parser.add_argument("--width", type=int, default=32, help="units in each of them")
parser.add_argument("--unit", choices=["tanh", "relu", "sigmoid"], default="tanh")
parser.add_argument("--loss", choices=["squared", "absolute"], default="squared")
parser.add_argument("--zero-grad", choices=["called", "forgotten"], default="called")
parser.add_argument("--gaps", choices=["dropped", "kept"], default="dropped")
parser.add_argument("--points", type=int, default=100)
parser.add_argument("--noise", type=float, default=0.2)
parser.add_argument("--optimizer", choices=["sgd", "adam"], default="sgd")
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

torch.manual_seed(args.seed)
x = torch.cat([torch.linspace(-3, 3, args.points), 6 * torch.rand(200) - 3]).unsqueeze(1)
y = torch.sin(x) + args.noise * torch.randn(args.points + 200, 1)
x_held, y_held = x[args.points :], y[args.points :]
x, y = x[: args.points], y[: args.points].clone()
y[args.points // 2] = float("nan")  # one measurement is missing
if args.gaps == "dropped":
    known = ~y.isnan().squeeze(1)
    x, y = x[known], y[known]

unit = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}[args.unit]
sizes = [1] + [args.width] * args.hidden + [1]
layers = []
for i in range(args.hidden + 1):
    layers += [nn.Linear(sizes[i], sizes[i + 1]), unit()]
model = nn.Sequential(*layers[:-1])
loss_fn = nn.MSELoss() if args.loss == "squared" else nn.L1Loss()
kind = torch.optim.SGD if args.optimizer == "sgd" else torch.optim.Adam
optimizer = kind(model.parameters(), lr=args.lr)

loader = DataLoader(TensorDataset(x, y), batch_size=args.batch, shuffle=True)
for epoch in range(1, args.epochs + 1):
    total = 0.0
    for xb, yb in loader:
        prediction = model(xb)
        loss = loss_fn(prediction, yb)
        if args.zero_grad == "called":
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    with torch.no_grad():
        held = loss_fn(model(x_held), y_held).item()
    print(f"epoch {epoch:3}  training {total / len(x):.4f}  validation {held:.4f}")
