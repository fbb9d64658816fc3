"""The traps, put to every library that is installed; prints the table, writes docs/traps.md.

python -m benchmarks.traps                    all of them
python -m benchmarks.traps --only keras       those whose file holds a word; writes no page
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from . import page
from .measure import Column, load

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "traps.md"
COLUMNS = (
    "by_hand", "with_lightning", "with_accelerate", "with_trainer", "with_ignite", "with_keras",
    "with_fastai", "with_skorch", "with_torchtnt", "with_fivestep",
)  # fmt: skip


def main() -> int:
    arguments = _arguments()
    chosen = [name for name in COLUMNS if all(word in name for word in arguments.only)]
    columns = [_measure(name, chatter=arguments.chatter) for name in chosen]
    print(page.table(columns))
    print(page.notes(columns))
    if not arguments.only:
        PAGE.write_text(page.page(columns), encoding="utf-8")
    return page.failures(columns)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Put the traps to the loops of other libraries.")
    parser.add_argument("--only", nargs="*", default=[], help="words that a file's name holds")
    parser.add_argument("--chatter", action="store_true", help="let the libraries print")
    return parser.parse_args()


def _measure(name: str, *, chatter: bool) -> Column:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "column.json"
        command = [sys.executable, "-m", f"{__package__}.one", name, str(out)]
        done = subprocess.run(command, cwd=ROOT, capture_output=not chatter, text=True, check=False)
        if not out.is_file():
            said = (done.stderr or "").strip().splitlines()[-1:]
            return Column(name, "", [], missing=": ".join([f"exit code {done.returncode}", *said]))
        return load(out)


if __name__ == "__main__":
    sys.exit(main())
