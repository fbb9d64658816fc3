"""What ``fit(page=True)`` costs a training: microseconds an iteration, beside the same ``fit``.

    python benchmarks/showing.py                      the line and the language model
    python benchmarks/showing.py --works line --rounds 9

CPU time of the whole process, its film's thread included, as the slope between a short and a long
run; medians and quartiles of interleaved rounds. The viewer is a process of its own and not
counted: it reads a file. The doctor reads along in both.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

import torch

from fivestep import conduct, fit
from works import WORKS, Work

LENGTHS = {"line": (2000, 8000), "digits": (1200, 3000), "lm": (8, 28)}


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    torch.set_num_threads(1)
    conduct.start_viewer = _none  # pyright: ignore[reportAttributeAccessIssue]
    print("| work | `fit` | more with `page=True` | of it | `fit` again (the noise) | its file |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in given.works:
        print(row(name, WORKS[name], given.rounds), flush=True)
    return 0


def row(name: str, work: Work, rounds: int) -> str:
    """Measure one work."""
    found: dict[str, list[float]] = {"plain": [], "again": [], "shown": []}
    size = 0
    for _ in range(rounds):
        for kind in random.sample(list(found), len(found)):
            short, long = LENGTHS[name]
            (first, _), (second, size_now) = (seconds(work, n, kind) for n in (short, long))
            found[kind].append(1e6 * (second - first) / (long - short))
            size = max(size, size_now)
    plain = median(found["plain"])
    more = [a - b for a, b in zip(found["shown"], found["plain"], strict=True)]
    noise = [a - b for a, b in zip(found["again"], found["plain"], strict=True)]
    cells = [f"{plain:,.0f} us", said(more), f"{100 * median(more) / plain:.1f} %", said(noise)]
    return f"| {name} | {' | '.join(cells)} | {size / 1e6:.1f} MB for {LENGTHS[name][1]:,} |"


def seconds(work: Work, iterations: int, kind: str) -> tuple[float, int]:
    """CPU seconds of one training, and the bytes of its film."""
    job = work.job(iterations)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        fit(
            job.model, job.loss_fn, job.optimizer, job.batches, epochs=1, progress=False,
            record=folder, page=kind == "shown",
        )  # fmt: skip
        spent = time.process_time() - began
        return spent, sum(one.stat().st_size for one in Path(folder).glob("*.page.jsonl"))


def said(values: list[float]) -> str:
    low, middle, high = quantiles(values, n=4)
    return f"{middle:,.0f} [{low:,.0f}, {high:,.0f}] us"


def _none(journal: Path, *, browser: bool = False) -> str:
    return ""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    made.add_argument("--works", nargs="+", choices=sorted(LENGTHS), default=["line", "lm"])
    made.add_argument("--rounds", type=int, default=7)
    return made


if __name__ == "__main__":
    sys.exit(main())
