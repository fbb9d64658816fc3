"""What do checkpoints cost? The same training without, with none due, and at the default interval.

python benchmarks/saving.py
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch

from fivestep import Checkpoint, fit
from works import WORKS

Times = tuple[float, float]  # CPU seconds of all threads, wall seconds

VARIANTS: dict[str, Callable[[Path], Any]] = {
    "without checkpoint": lambda folder: None,
    "none due: batches seeded one by one": lambda folder: Checkpoint(folder, every="9 hours"),
    "at the default interval": lambda folder: folder,
}


def main(arguments: Sequence[str] | None = None) -> int:
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    made.add_argument("--rounds", type=int, default=5, help="how often each is trained")
    made.add_argument("--seconds", type=float, default=20.0, help="about how long")
    given = made.parse_args(arguments)
    torch.set_num_threads(1)
    for name in ("digits", "lm"):
        count = iterations_in(name, given.seconds)
        found = trained_all(name, count, given.rounds)
        print(f"\n{name}, {count:,} iterations, medians of {given.rounds}")
        print(f"{'':<38}{'us/iteration, CPU':>20}{'wall':>10}{'to none due, CPU':>20}{'wall':>10}")
        none_due = found[list(VARIANTS)[1]]
        for variant, times in found.items():
            cpu, wall = (median(part) for part in zip(*times, strict=True))
            shares = [
                median(mine[i] / other[i] for mine, other in zip(times, none_due, strict=True))
                for i in (0, 1)
            ]
            print(f"{variant:<38}{cpu / count * 1e6:>20,.0f}{wall / count * 1e6:>10,.0f}", end="")
            print(f"{shares[0]:>20.3f}{shares[1]:>10.3f}")
    return 0


def iterations_in(name: str, seconds: float) -> int:
    _, wall = trained(name, 100, "without checkpoint")
    return max(int(seconds / wall * 100), 100)


def trained_all(name: str, count: int, rounds: int) -> dict[str, list[Times]]:
    """Train all in every round, each round in a new order."""
    order = random.Random(0)
    found: dict[str, list[Times]] = {variant: [] for variant in VARIANTS}
    for _ in range(rounds):
        for variant in order.sample(list(VARIANTS), len(VARIANTS)):
            found[variant].append(trained(name, count, variant))
    return found


def trained(name: str, count: int, variant: str) -> Times:
    job = WORKS[name].job(100)
    data = list(job.batches)
    with tempfile.TemporaryDirectory() as folder:
        cpu, wall = time.process_time(), time.perf_counter()
        fit(
            job.model, job.loss_fn, job.optimizer, data, length=f"{count} iterations",
            progress=False, watch=False, checkpoint=VARIANTS[variant](Path(folder) / "saved"),
        )  # fmt: skip
        return time.process_time() - cpu, time.perf_counter() - wall


if __name__ == "__main__":
    raise SystemExit(main())
