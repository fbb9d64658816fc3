"""What do checkpoints cost? The same training without, with none due, and at the default interval.

python benchmarks/saving.py

Whole trainings differ by more than a save costs, on a machine that does other things, too. So what
the saves take is also measured itself: the time that the loop stands still for them, and what
their thread takes of the processor, as shares of the training's time.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch

from fivestep import Checkpoint, fit
from fivestep.checkpoints.keeper import Keeper
from fivestep.checkpoints.writer import Writer
from works import WORKS, ByteTransformer, NextByte, Work, text_batches

VARIANTS: dict[str, Callable[[Path], Any]] = {
    "without checkpoint": lambda folder: None,
    "none due: batches seeded one by one": lambda folder: Checkpoint(folder, every="9 hours"),
    "at the default interval": lambda folder: folder,
}
LARGE = Work(
    "byte transformer, 6 layers, width 384, context 64, AdamW, batch of 16",
    model=partial(ByteTransformer, width=384, layers=6),
    loss_fn=NextByte,
    optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=1e-3),
    pool=text_batches,
    short=4,
    long=16,
)
MEASURED = WORKS | {"large": LARGE}


class Times(NamedTuple):
    """Of one training, in seconds; the saves' own are in the others, too."""

    cpu: float  # of all threads
    wall: float
    saves: int
    stood: float  # the loop, for saves
    written: float  # of the processor, by the saves' thread


def main(arguments: Sequence[str] | None = None) -> int:
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    made.add_argument("works", nargs="*", default=list(MEASURED), help=", ".join(MEASURED))
    made.add_argument("--rounds", type=int, default=3, help="how often each is trained")
    made.add_argument("--seconds", type=float, default=15.0, help="about how long")
    given = made.parse_args(arguments)
    torch.set_num_threads(1)
    for name in given.works:
        count = iterations_in(name, given.seconds)
        report(name, count, trained_all(name, count, given.rounds))
    return 0


def report(name: str, count: int, found: dict[str, list[Times]]) -> None:
    """Print the table of one work."""
    parameters = sum(p.numel() for p in MEASURED[name].model().parameters())
    print(f"\n{name}: {parameters:,} parameters, {count:,} iterations; medians")
    print(f"{'':<38}{'us/iteration, CPU':>20}{'wall':>10}{'to without, CPU':>20}{'wall':>10}")
    without = found[next(iter(VARIANTS))]
    for variant, times in found.items():
        cpu, wall = median(one.cpu for one in times), median(one.wall for one in times)
        pairs = list(zip(times, without, strict=True))
        shares = median(a.cpu / b.cpu for a, b in pairs), median(a.wall / b.wall for a, b in pairs)
        print(f"{variant:<38}{cpu / count * 1e6:>20,.0f}{wall / count * 1e6:>10,.0f}", end="")
        print(f"{shares[0]:>20.3f}{shares[1]:>10.3f}")
    last = list(found.values())[-1]
    stood = median(one.stood / one.wall for one in last)
    written = median(one.written / one.cpu for one in last)
    each = median(one.stood / max(one.saves, 1) for one in last)
    print(f"saves: {median(one.saves for one in last):.0f}, {each * 1e3:.1f} ms of the loop each: ")
    print(f"  {stood:.2%} of the loop's time; their thread {written:.2%} of the processor's")


def iterations_in(name: str, seconds: float) -> int:
    wall = trained(name, 50, "without checkpoint").wall
    return max(int(seconds / wall * 50), 50)


def trained_all(name: str, count: int, rounds: int) -> dict[str, list[Times]]:
    """Train all in every round, each round in a new order."""
    order = random.Random(0)
    found: dict[str, list[Times]] = {variant: [] for variant in VARIANTS}
    for _ in range(rounds):
        for variant in order.sample(list(VARIANTS), len(VARIANTS)):
            found[variant].append(trained(name, count, variant))
    return found


def trained(name: str, count: int, variant: str) -> Times:
    """Train once, the first save (before the first iteration) and the last one included."""
    job = MEASURED[name].job(100)
    data = list(job.batches)
    with tempfile.TemporaryDirectory() as folder, measured() as took:
        cpu, wall = time.process_time(), time.perf_counter()
        fit(
            job.model, job.loss_fn, job.optimizer, data, length=f"{count} iterations",
            progress=False, watch=False, checkpoint=VARIANTS[variant](Path(folder) / "saved"),
        )  # fmt: skip
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Times(cpu, wall, len(took["loop"]), sum(took["loop"]), sum(took["thread"]))


@contextmanager
def measured() -> Generator[dict[str, list[float]]]:
    """Take the time of every save that was due, in the loop, and of every one in its thread."""
    took: dict[str, list[float]] = {"loop": [], "thread": []}
    save, work = Keeper.save, Writer._work  # pyright: ignore[reportPrivateUsage]

    def timed_save(*given: Any, **more: Any) -> Any:
        began = time.perf_counter()
        try:
            return save(*given, **more)
        finally:
            if not more.get("wait"):  # the last one is waited for, once, and written at once
                took["loop"].append(time.perf_counter() - began)

    def timed_work(writer: Writer, *given: Any) -> None:
        work(writer, *given)
        took["thread"].append(writer.seconds)

    Keeper.save, Writer._work = timed_save, timed_work  # pyright: ignore
    try:
        yield took
    finally:
        Keeper.save, Writer._work = save, work  # pyright: ignore


if __name__ == "__main__":
    raise SystemExit(main())
