"""How it is timed: interleaved in random order, two lengths, one thread; medians and quartiles."""

from __future__ import annotations

import gc
import logging
import os
import random
import time
import warnings
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from works import Job, Work

Variant = Callable[[Job], None]


class Times(NamedTuple):
    """Seconds of the processor, of all threads together, and of the clock on the wall."""

    cpu: float
    wall: float


class Cost(NamedTuple):
    """Of one variant in one round: an iteration's cost, and what a run costs besides."""

    cpu: float  # seconds an iteration
    wall: float  # seconds an iteration
    setup: float  # seconds of the processor


class Spread(NamedTuple):
    """The median and the quartiles around it."""

    median: float
    low: float
    high: float


def spread(values: Iterable[float]) -> Spread:
    listed = list(values)
    if len(listed) == 1:
        return Spread(listed[0], listed[0], listed[0])
    low, _, high = quantiles(listed, n=4, method="inclusive")
    return Spread(median(listed), low, high)


def costs(
    work: Work, variants: dict[str, Variant], rounds: int, tell: Callable[[str], None]
) -> dict[str, list[Cost]]:
    """Time every variant in every round, each round in a new order.

    An iteration's cost is the slope between a short and a long run, so that what happens once, at
    the start and at the end, is left out of it and reported apart.
    """
    order = random.Random(0)
    found: dict[str, list[Cost]] = {name: [] for name in variants}
    for number in range(1, rounds + 1):
        tell(f"round {number} of {rounds}")
        for name in order.sample(list(variants), len(variants)):
            short = clock(variants[name], work.job(work.short))
            long = clock(variants[name], work.job(work.long))
            found[name].append(cost(work, short, long))
    return found


def cost(work: Work, short: Times, long: Times) -> Cost:
    iterations = work.long - work.short
    cpu, wall = ((b - a) / iterations for a, b in zip(short, long, strict=True))
    return Cost(cpu, wall, short.cpu - work.short * cpu)


def clock(variant: Variant, job: Job) -> Times:
    gc.collect()
    with silence():
        wall, cpu = time.perf_counter(), time.process_time()
        variant(job)
        return Times(time.process_time() - cpu, time.perf_counter() - wall)


@contextmanager
def silence() -> Generator[None]:
    """Send what the libraries say nowhere: it is written, but not seen."""
    before = logging.root.manager.disable
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
