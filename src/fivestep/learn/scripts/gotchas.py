"""Numbers or classes, learned from four measurements, with a mistake in the loop or none."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--task", choices=["numbers", "classes"], default="classes")
parser.add_argument("--zero-grad", choices=["called", "forgotten"], default="called")
parser.add_argument("--shape", choices=["column", "row"], default="column", help="of the numbers")
parser.add_argument("--softmax", choices=["no", "yes"], default="no", help="before cross-entropy")
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--eval", choices=["called", "forgotten"], default="called")
parser.add_argument("--head", choices=["held", "unheld"], default="held", help="by the optimizer")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()


def squared_error(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The mean of it, as nn.MSELoss gives it; that one would warn of shapes that do not fit."""
    return ((prediction - target) ** 2).mean()


torch.manual_seed(args.seed)
x = torch.randn(600, 4)
number = x @ torch.tensor([1.0, -2.0, 0.5, 1.0]) + 0.1 * torch.randn(600)
if args.task == "numbers":
    y = number.unsqueeze(1) if args.shape == "column" else number
    loss_fn = squared_error
else:
    y = torch.bucketize(number, torch.tensor([-1.0, 1.0]))  # low 0, middle 1, high 2
    loss_fn = nn.CrossEntropyLoss()

outputs = 1 if args.task == "numbers" else 3
model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, outputs))
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
if args.head == "unheld":
    model[3] = nn.Linear(32, outputs)  # new: the optimizer above holds the old one
if args.softmax == "yes":
    model.append(nn.Softmax(dim=1))

loader = DataLoader(TensorDataset(x[:400], y[:400]), batch_size=20, shuffle=True)
for epoch in range(1, args.epochs + 1):
    model.train()
    for xb, yb in loader:
        prediction = model(xb)
        loss = loss_fn(prediction, yb)
        if args.zero_grad == "called":
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    if args.eval == "called":
        model.eval()
    with torch.no_grad():
        held = loss_fn(model(x[400:]), y[400:])
    print(f"epoch {epoch:2}  training {loss.item():.4f}  validation {held.item():.4f}")
