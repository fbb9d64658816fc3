"""Trains a wide network to remember random labels, as a test of its capacity."""
# fault: none

import argparse
import time

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int, default=64)
parser.add_argument("--width", type=int, default=256)
parser.add_argument("--iterations", type=int, default=60)
args = parser.parse_args([])

torch.manual_seed(21)
torch.set_num_threads(1)
inputs = torch.randn(args.rows, 20)
labels = torch.randint(0, 5, (args.rows,))
model = nn.Sequential(nn.Linear(20, args.width), nn.ReLU(), nn.Linear(args.width, 5))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
start = time.perf_counter()
for i in range(args.iterations):
    optimizer.zero_grad(set_to_none=False)
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
    if i % 15 == 14:
        print(f"iteration {i + 1}: loss {loss.item():.4f}")
print(f"{args.iterations / (time.perf_counter() - start):.0f} iterations a second")
