"""A line learned twice, in PyTorch and in NumPy: the same five steps, and the same numbers.

Two loops draw y = 2x + 1 through 100 noisy points, from the same start, and pause at the same
moments. In NumPy every derivative is written by hand. The last columns are the differences.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

import fivestep
from fivestep import scratch


def main() -> tuple[float, float, float]:
    """Return the weight and the bias found in NumPy, and the largest difference to PyTorch."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (100, 1))
    y = 2 * x + 1 + 0.1 * rng.normal(size=(100, 1))

    module = nn.Linear(1, 1).double()
    sgd = torch.optim.SGD(module.parameters(), lr=0.1)
    tensors = torch.from_numpy(x), torch.from_numpy(y)
    in_torch = fivestep.train(module, nn.functional.mse_loss, sgd, [tensors] * 100)

    line = scratch.Linear(1, 1, seed=0)
    scratch.copy_from(module, to=line)
    in_numpy = scratch.train(
        line, scratch.mse_loss, scratch.SGD(line.parameters(), lr=0.1), [(x, y)] * 100
    )

    print("iteration      loss    weight      bias   differences to PyTorch")
    largest = 0.0
    for ours, theirs in zip(in_numpy, in_torch, strict=True):
        if ours.step is not fivestep.Step.UPDATE:
            continue
        numbers = [ours.loss.item(), line.weight.value.item(), line.bias.value.item()]
        truth = [theirs.loss.item(), module.weight.item(), module.bias.item()]
        apart = [abs(a - b) for a, b in zip(numbers, truth, strict=True)]
        largest = max(largest, *apart)
        if ours.iteration % 10 == 0:
            columns = "".join(f"{n:10.6f}" for n in numbers) + "  "
            print(f"{ours.iteration:9}{columns}", *(f"{a:8.0e}" for a in apart))
    print(f"largest difference of all: {largest:.0e}")
    return line.weight.value.item(), line.bias.value.item(), largest


if __name__ == "__main__":
    main()
