"""A loop that says what it drew by chance and its weights, and exits with the code it is given."""

import random
import sys

import numpy as np
import torch
from torch import nn


def main() -> None:
    iterations, code = int(sys.argv[1]), int(sys.argv[2])
    chance = torch.rand(()).item()
    torch.manual_seed(5)
    torch.set_num_threads(1)
    x, y = torch.randn(16, 3), torch.randn(16, 1)
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.2), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    loss_fn = nn.MSELoss()
    sys.stdout.write(f"chance {random.random()} {np.random.rand()} {chance} {hash('words')}\n")
    for _ in range(iterations):
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    sys.stdout.write(f"weights {[one.tolist() for one in model.parameters()]}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
