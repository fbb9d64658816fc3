"""The campaign against checkpoints; prints a table, and fails if one trial does.

python -m benchmarks.chaos                          all of it; make chaos adds --write
python -m benchmarks.chaos --short                  a share of it: what make test runs
python -m benchmarks.chaos --only kills --trial 12  one trial again, by its number
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from . import page
from .lives import warm
from .parts import PARTS
from .trials import Row, run


def main() -> int:
    arguments = _arguments()
    warm()
    names = arguments.only or list(PARTS)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as scratch:
        for name in names:
            numbers = _numbers(name, arguments)
            if numbers:
                rows.append(run(name, PARTS[name], numbers, Path(scratch), _jobs()))
                print(page.line(rows[-1]), flush=True)
        failed = page.failures(rows)
        print(failed or "no trial failed")
    if arguments.json:
        arguments.json.write_text(json.dumps([row._asdict() for row in rows]))
    if arguments.write:
        page.write(rows, _command(arguments))
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill, damage and starve checkpoints.")
    parser.add_argument("--only", nargs="*", choices=list(PARTS), default=[], help="these parts")
    parser.add_argument("--short", action="store_true", help="the share that make test runs")
    parser.add_argument("--count", type=int, help="so many trials of each part")
    parser.add_argument("--trial", type=int, help="one trial, by its number")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md")
    return parser.parse_args()


def _numbers(name: str, arguments: argparse.Namespace) -> range:
    if arguments.trial is not None:
        return range(arguments.trial, arguments.trial + 1)
    whole, short = PARTS[name].whole, PARTS[name].short
    return range(arguments.count or (short if arguments.short else whole))


def _command(arguments: argparse.Namespace) -> str:
    """What makes the same figures; where they go besides is nobody's business."""
    words = ["python -m benchmarks.chaos"]
    words += ["--short"] if arguments.short else []
    words += ["--only", *arguments.only] if arguments.only else []
    words += ["--count", str(arguments.count)] if arguments.count else []
    words += ["--trial", str(arguments.trial)] if arguments.trial is not None else []
    return " ".join([*words, "--write"])


def _jobs() -> int:
    return os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main())
