"""A training killed and resumed by every library; prints the table, writes docs/resume-traps.md.

python -m benchmarks.resume_traps                          all of them
python -m benchmarks.resume_traps --only accelerate        those whose file holds a word; no page
python -m benchmarks.resume_traps --traps order flipped    these questions alone; no page
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from . import page
from .measure import Column, load
from .truths import TRAPS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "resume-traps.md"
COLUMNS = ("by_hand", "with_lightning", "with_accelerate", "with_trainer", "with_fivestep")


def main() -> int:
    given = _arguments()
    chosen = [name for name in COLUMNS if all(word in name for word in given.only)]
    columns = [one for name in chosen for one in measured(name, given.traps)]
    print(page.table(columns))
    print(page.notes(columns))
    if not given.only and not given.traps:
        PAGE.write_text(page.page(columns), encoding="utf-8")
    return page.failures(columns)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill and resume the trainings of libraries.")
    parser.add_argument("--only", nargs="*", default=[], help="words that a file's name holds")
    names = [trap.name for trap in TRAPS]
    parser.add_argument("--traps", nargs="*", default=[], choices=names, help="these alone")
    return parser.parse_args()


def measured(name: str, traps: list[str]) -> list[Column]:
    """One library's columns, made in a process of its own, since some keep global state."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "columns.json"
        command = [sys.executable, "-m", f"{__package__}.one", name, str(out), *traps]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if not out.is_file():
            said = (done.stderr or "").strip().splitlines()[-1:]
            missing = ": ".join([f"exit code {done.returncode}", *said])
            return [Column(name, "", "", {}, missing=missing)]
        return load(out)


if __name__ == "__main__":
    sys.exit(main())
