"""Your own loop: `train` pauses after each of the five steps, and your code runs in between.

A network learns a sine from points of which one in 200 is a glitch, wrong by 100. Such a point
throws the gradient far off, so after backward the loop looks at its norm and clips it, and a plain
`break` ends the training when it is good enough. Try `main(max_norm=math.inf)`: it ends in NaN.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from fivestep import Step, train


def batches(x: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Draw 32 points at random, again and again: `train` takes any iterable of pairs."""
    while True:
        chosen = torch.randint(len(x), (32,))
        yield x[chosen], y[chosen]


def main(max_norm: float = 1.0) -> tuple[int, int, float]:
    """Return the iterations, how many of them were clipped, and the error without glitches."""
    torch.set_num_threads(1)  # more of them would only wait for each other, on so small a network
    torch.manual_seed(0)
    x = torch.rand(2000, 1) * 6 - 3
    y = torch.sin(2 * x) + 0.1 * torch.randn(2000, 1)
    y[::200] += 100  # the glitches
    grid = torch.linspace(-3, 3, 200).unsqueeze(1)

    model = nn.Sequential(nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
    model.append(nn.Linear(64, 1))
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    iteration, clipped, largest, error = 0, 0, 0.0, math.inf
    for moment in train(model, loss_fn, optimizer, batches(x, y)):
        if moment.step is Step.BACKWARD:
            norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm).item()
            clipped += norm > max_norm
            largest = max(largest, norm)
        elif moment.step is Step.UPDATE and (iteration := moment.iteration) % 250 == 0:
            with torch.no_grad():
                error = loss_fn(model(grid), torch.sin(2 * grid)).item()
            told = f"error {error:.4f}   largest gradient norm {largest:.1f}   clipped {clipped}"
            print(f"update {iteration:5}   {told}")
            if error < 0.02 or not math.isfinite(error) or iteration == 5000:
                break
    return iteration, clipped, error


if __name__ == "__main__":
    main()
