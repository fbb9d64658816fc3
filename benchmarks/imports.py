"""What does it cost to start? Fresh interpreters, interleaved, beside ``import torch`` alone.

python benchmarks/imports.py
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from timing import Spread, Times, spread

TORCH, FIT = "import torch", "import fivestep; fivestep.fit"
STARTS = {
    "python -c pass": ("-c", "pass"),
    "fivestep --help": ("-m", "fivestep", "--help"),
    "import fivestep": ("-c", "import fivestep"),
    TORCH: ("-c", TORCH),
    "import torch, again": ("-c", TORCH),
    FIT: ("-c", FIT),
}
TARGET = 1.05  # of torch's own import


def main(arguments: Sequence[str] | None = None) -> int:
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    made.add_argument("--rounds", type=int, default=9, help="how often each is started")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    given = made.parse_args(arguments)
    found = start_all(given.rounds)
    print(f"\nStarts of a fresh interpreter, medians of {given.rounds} [quartiles]")
    print(f"{'':<32}{'CPU ms':>26}{'wall ms':>26}{'of import torch':>26}")
    for name, times in found.items():
        cpu, wall = (spread(part) for part in zip(*times, strict=True))
        print(f"{name:<32}{text_of(cpu, 1e3, 0):>26}{text_of(wall, 1e3, 0):>26}", end="")
        print(f"{text_of(ratio(found, name), 1, 3):>26}")
    middle = ratio(found, FIT).median
    print(f"fit's import is {middle:.3f} of torch's own in CPU time, target {TARGET}: ", end="")
    print("met" if middle <= TARGET else "NOT met")
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def start_all(rounds: int) -> dict[str, list[Times]]:
    """Start each once for the disk's sake, then all in every round, each round in a new order."""
    order = random.Random(0)
    found: dict[str, list[Times]] = {name: [] for name in STARTS}
    for command in STARTS.values():
        start(command)
    for _ in range(rounds):
        for name in order.sample(list(STARTS), len(STARTS)):
            found[name].append(start(STARTS[name]))
    return found


def start(command: Sequence[str]) -> Times:
    cpu, wall = cpu_of_children(), time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return Times(cpu_of_children() - cpu, time.perf_counter() - wall)


def cpu_of_children() -> float:
    try:
        import resource
    except ImportError:  # Windows counts no children: the wall's clock has to do
        return time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ratio(found: dict[str, list[Times]], name: str) -> Spread:
    pairs = zip(found[name], found[TORCH], strict=True)
    return spread(own.cpu / torch.cpu for own, torch in pairs)


def text_of(value: Spread, scale: float, digits: int) -> str:
    middle, low, high = (f"{part * scale:,.{digits}f}" for part in value)
    return f"{middle} [{low} {high}]"


if __name__ == "__main__":
    raise SystemExit(main())
