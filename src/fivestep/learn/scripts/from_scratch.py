"""The same loop twice, in lockstep: PyTorch, and NumPy with every gradient by hand."""

import argparse

import numpy as np
import torch
from torch import nn

from fivestep import scratch

parser = argparse.ArgumentParser()
parser.add_argument("--model", choices=["line", "network"], default="line")
parser.add_argument("--precision", choices=["double", "single"], default="double")
parser.add_argument("--factor", type=float, default=1.0, help="a mistake: the gradient times this")
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=100)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

torch.manual_seed(args.seed)
x = torch.rand(100, 1, dtype=torch.float64) * 2 - 1
y = 2 * x + 1
x_array, y_array = x.numpy(), y.numpy()

if args.model == "line":
    model, by_hand = nn.Linear(1, 1), scratch.Linear(1, 1, seed=0)
else:
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    by_hand = scratch.mlp([1, 8, 1], scratch.Tanh, seed=0)
if args.precision == "double":
    model = model.double()
else:
    x, y = x.float(), y.float()
scratch.copy_from(model, to=by_hand)

loss_fn = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
optimizer_by_hand = scratch.SGD(by_hand.parameters(), lr=args.lr)


def differences():
    """Every number of one loop minus that of the other: the loss, gradients, parameters."""
    yield "loss", loss.item() - loss_by_hand.item()
    for name, one, other in zip(names, model.parameters(), by_hand.parameters(), strict=True):
        yield f"{name}.grad", np.abs(one.grad.numpy() - other.grad).max()
        yield name, np.abs(one.detach().numpy() - other.value).max()


names = [name for name, _ in model.named_parameters()]
largest = 0.0
for epoch in range(1, args.epochs + 1):
    prediction = model(x)
    prediction_by_hand = by_hand(x_array)

    loss = loss_fn(prediction, y)
    loss_by_hand = scratch.mse_loss(prediction_by_hand, y_array)

    optimizer.zero_grad()
    optimizer_by_hand.zero_grad()

    loss.backward()
    by_hand.backward(loss_by_hand.gradient * args.factor)

    optimizer.step()
    optimizer_by_hand.step()

    apart = {name: abs(number) for name, number in differences()}
    largest = max(largest, *apart.values())
    print(f"epoch {epoch}:", "  ".join(f"{name} {number:.0e}" for name, number in apart.items()))

print(f"torch_loss {loss.item():.6g}")
print(f"numpy_loss {loss_by_hand.item():.6g}")
print(f"largest_difference {largest:.3g}")
