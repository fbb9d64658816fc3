"""What listening costs: microseconds an iteration, with and without, measured turn by turn.

    python benchmarks/listening.py [--rounds 400]

One thread. *plain* is the loop by itself; *quiet* is the loop overheard when nothing is measured in
detail (each of its iterations is like the two before it); *all* is a run of 1,500 iterations from
its first, detailed iterations included. Medians and,
since other programs may run beside it, minima.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from fivestep.doctor import listen
from fivestep.vitals.recording import sampling

Loop = Callable[[int], None]
WARM_UP = 700  # iterations after which nothing is new and the rows of the data are known
LONG = 1500


def line() -> tuple[Loop, int]:
    """Two parameters, squared error, SGD, a full batch of 100."""
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    x = torch.randn(100, 1)
    y = 2 * x + 1

    def loop(iterations: int) -> None:
        for _ in range(iterations):
            loss = F.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return loop, 6


def digits() -> tuple[Loop, int]:
    """64-128-128-10, cross-entropy, Adam, batches of 64."""
    model = nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    optimizer, loss_fn = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    x, y = torch.rand(64, 64), torch.randint(10, (64,))

    def loop(iterations: int) -> None:
        for _ in range(iterations):
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()

    return loop, 4


def microseconds(loop: Loop, iterations: int) -> float:
    began = time.perf_counter()
    loop(iterations)
    return (time.perf_counter() - began) / iterations * 1e6


def compare(make: Callable[[], tuple[Loop, int]], rounds: int) -> None:
    loop, iterations = make()
    loop(100)
    quiet, plain = listen(), list[float]()
    watched = list[float]()
    every, sampling.EVERY = sampling.EVERY, 10**9
    with quiet:
        for _ in range(WARM_UP // iterations + 1):
            loop(iterations)
        ears = quiet._ears  # pyright: ignore[reportPrivateUsage]
        for _ in range(rounds):
            ears.close()
            loop(iterations)
            plain.append(microseconds(loop, iterations))
            ears.open()
            loop(iterations)
            watched.append(microseconds(loop, iterations))
    sampling.EVERY = every
    whole = list[float]()
    for _ in range(3):
        with listen():
            whole.append(microseconds(loop, LONG))
    name = make.__name__
    base, least = median(plain), min(plain)
    print(f"{name:<8} plain {base:8.1f} us   quiet {median(watched) - base:+7.1f}   "
          f"all {median(whole) - base:+7.1f}   minima: plain {least:8.1f}   "
          f"quiet {min(watched) - least:+7.1f}   all {min(whole) - least:+7.1f}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=400)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for make in (line, digits):
        compare(make, rounds)


if __name__ == "__main__":
    main()
