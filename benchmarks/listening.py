"""What listening costs: microseconds an iteration, beside the same loop by hand.

    python benchmarks/listening.py                    all works, about two minutes
    python benchmarks/listening.py --works line --rounds 50

CPU time on one thread, the three turn by turn in every round: *by hand*; *heard*, when nothing is
measured in detail; *measured*, when everything is. Of the first 32 iterations each is measured,
then 2 in 128, from the 1,024th on 2 in 1,024: *later* is what that comes to; *least* compares the
quickest turn of the heard with the quickest by hand, for other programs may run beside it. The last
table is the memory of a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch

import heard_loops
from fivestep.doctor import Doctor, listen
from fivestep.vitals.recording import sampling

WARM_UP = 700  # iterations after which nothing is new and the rows of small data are known
MARKS = (1_000, 10_000, 100_000)  # iterations at which memory is read
SHARE = sampling.IN_A_ROW / (sampling.RARELY * sampling.EVERY)
TARGETS = (
    "Targets: under 25 us on the line when nothing is measured; under 2 % on the language model."
)


class Row(NamedTuple):
    """One work: seconds an iteration, each a median over the rounds."""

    name: str
    plain: float
    heard: float
    measured: float
    least: float  # of the heard more than of the plain, each at its quickest

    @property
    def later(self) -> float:
        """From the 1,024th iteration on."""
        return self.heard + SHARE * (self.measured - self.heard)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    torch.set_num_threads(1)
    if given.memory is not None:
        print(json.dumps(memory(given.memory, given.marks)))
        return 0
    print(
        f"torch {torch.__version__}, one thread, medians of {given.rounds} rounds; us an iteration"
    )
    print(f"{'':<24}{'by hand':>10}{'heard':>18}{'measured':>20}{'later':>18}{'least':>12}")
    for name in given.works:
        print(text_of(compare(name, given.rounds)), flush=True)
    print(TARGETS)
    if given.marks:
        print(memory_table(given.marks))
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    works = list(heard_loops.WORKS)
    made.add_argument("--works", nargs="+", choices=works, default=works)
    made.add_argument("--rounds", type=int, default=300, help="fewer for the language model")
    made.add_argument("--marks", nargs="*", type=int, default=list(MARKS))
    made.add_argument("--memory", choices=("by hand", "heard"), help=argparse.SUPPRESS)
    return made


def compare(name: str, rounds: int) -> Row:
    """Time a work by hand, heard and measured, in turn, on the same model."""
    work = heard_loops.WORKS[name]
    torch.manual_seed(0)
    loop = work.make()
    quiet, close = listen(), listen()
    times: dict[str, list[float]] = {"plain": [], "heard": [], "measured": []}
    hear(quiet, loop, max(WARM_UP // work.slow, work.block))
    for _ in range(max(3, rounds // work.slow)):
        times["plain"].append(clock(loop, work.block))
        times["heard"].append(hear(quiet, loop, work.block, every=10**9))
        times["measured"].append(hear(close, loop, work.least, every=1))
    least = min(times["heard"]) - min(times["plain"])
    plain, heard, measured = (median(one) for one in times.values())
    return Row(name, plain, heard, measured, least)


def hear(doctor: Doctor, loop: Callable[[int], None], count: int, every: int = 0) -> float:
    """Seconds an iteration under a doctor who measures one in ``every`` in detail (0: as usual)."""
    before = sampling.EVERY, sampling.RARELY
    sampling.EVERY, sampling.RARELY = (every, 1) if every else before
    try:
        with doctor:
            return clock(loop, count)
    finally:
        sampling.EVERY, sampling.RARELY = before


def clock(loop: Callable[[int], None], count: int) -> float:
    loop(count)  # the first after a turn are not like those before them
    began = time.process_time()
    loop(count)
    return (time.process_time() - began) / count


def text_of(row: Row) -> str:
    parts = [f"{row.name:<24}{row.plain * 1e6:>10,.1f}"]
    for value, width in ((row.heard, 18), (row.measured, 20), (row.later, 18)):
        more = value - row.plain
        parts.append(f"{more * 1e6:>+{width - 9},.1f} {more / row.plain:>+7.1%}")
    return " ".join(parts) + f"{row.least * 1e6:>+12,.1f}"


def memory(how: str, marks: Sequence[int]) -> list[int]:
    """Bytes of this process at these iterations of the line."""
    loop, done, found = heard_loops.WORKS["line"].make(), 0, list[int]()
    doctor = listen()
    if how == "heard":
        doctor.__enter__()
    for mark in marks:
        loop(mark - done)
        done = mark
        found.append(resident())
    return found


def resident() -> int:
    """Memory that this process holds, in bytes; at its highest where the system tells no more."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        import resource

        return int(statm.read_text().split()[1]) * resource.getpagesize()
    psutil: Any = import_module("psutil")
    return int(psutil.Process().memory_info().rss)


def memory_table(marks: Sequence[int]) -> str:
    lines = [f"\nMiB held, the line{'':<6}" + "".join(f"{mark:>12,}" for mark in marks)]
    for how in ("by hand", "heard"):
        command = [sys.executable, __file__, "--memory", how, "--marks", *map(str, marks)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        values = [f"{value / 2**20:>12,.1f}" for value in json.loads(answer)]
        lines.append(f"{how:<24}" + "".join(values))
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
