"""A small set and a big network: the loss on points it has seen, and on points it has not."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--points", type=int, default=16, help="to train on")
parser.add_argument("--batch", type=int, default=4, help="points in a batch")
parser.add_argument("--epochs", type=int, default=150)
parser.add_argument("--hidden", type=int, default=100, help="units in each hidden layer")
parser.add_argument("--dropout", type=float, default=0.0, help="share of units left out")
parser.add_argument("--lr", type=float, default=0.02)
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()


def measure(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points of a wave, with noise on them."""
    x = 6 * torch.rand(count, 1) - 3
    return x, torch.sin(x) + 0.5 * torch.randn(count, 1)


torch.manual_seed(args.seed)
x, y = measure(args.points)
x_held, y_held = measure(200)  # no update ever sees these

loader = DataLoader(TensorDataset(x, y), batch_size=args.batch, shuffle=True)
model = nn.Sequential(
    nn.Linear(1, args.hidden), nn.Tanh(), nn.Dropout(args.dropout),
    nn.Linear(args.hidden, args.hidden), nn.Tanh(), nn.Dropout(args.dropout),
    nn.Linear(args.hidden, 1),
)  # fmt: skip
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)

for epoch in range(1, args.epochs + 1):
    model.train()
    total = 0.0
    for xb, yb in loader:
        prediction = model(xb)
        loss = loss_fn(prediction, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)

    model.eval()
    with torch.no_grad():
        held = loss_fn(model(x_held), y_held).item()
    print(f"epoch {epoch:3}  training {total / len(x):.4f}  validation {held:.4f}")

for mode in (True, False):
    model.train(mode)
    with torch.no_grad():
        first, second = (model(x_held[:1]).item() for _ in range(2))
    print(f"one point twice, {'train' if mode else 'eval'} mode: {first:.4f} and {second:.4f}")
