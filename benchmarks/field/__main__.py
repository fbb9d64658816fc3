"""The field test: public scripts that nobody here wrote, run under the doctor.

    python benchmarks/field                        all of the manifest; writes docs/field-test.md
    python benchmarks/field --only vae --work DIR  those whose name holds a word; writes no page
    python benchmarks/field --resume --work DIR    keeps what was run from the same entry before

Clones from GitHub at the commits of manifest.toml into a work folder; nothing of it is committed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import runner
import table
from manifest import Script, read

COMMAND = "python benchmarks/field"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "field-test.md"


def main() -> None:
    arguments = _arguments()
    scripts = [one for one in read() if all(word in one.name for word in arguments.only)]
    outcomes = [_run(one, arguments) for one in scripts]
    print(table.summary(scripts, outcomes))
    if not arguments.only:
        resumed = " --resume" if arguments.resume else ""
        PAGE.write_text(table.page(scripts, outcomes, COMMAND + resumed), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run public training scripts under the doctor.")
    parser.add_argument("--only", nargs="*", default=[], help="words that a script's name holds")
    parser.add_argument("--mirrors", type=Path, help="a folder of clones, each named owner+name")
    parser.add_argument("--work", type=Path, help="the work folder; a temporary one by default")
    parser.add_argument("--resume", action="store_true", help="run only what was not run before")
    arguments = parser.parse_args()
    arguments.work = (arguments.work or Path(tempfile.gettempdir()) / "fivestep-field").resolve()
    arguments.work.mkdir(parents=True, exist_ok=True)
    return arguments


def _run(script: Script, arguments: argparse.Namespace) -> runner.Outcome:
    kept = arguments.work / "outcomes" / f"{_fingerprint(script)}.json"
    if not (arguments.resume and kept.is_file()):
        outcome = runner.run(script, arguments.work, arguments.mirrors)
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(asdict(outcome), indent=1), encoding="utf-8")
    outcome = runner.Outcome.load(kept)
    print(table.line(outcome), flush=True)
    return outcome


def _fingerprint(script: Script) -> str:
    """Tell two entries apart by how they run; what was judged of them is no part of that."""
    return hashlib.sha256(repr(replace(script, judgements=[])).encode()).hexdigest()[:16]


if __name__ == "__main__":
    main()
