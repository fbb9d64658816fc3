"""The verb ``fivestep eject``: a recorded run written out as a plain PyTorch loop."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from fivestep.cli_doctor import worded

EXAMPLES = """\
examples:
  fivestep eject runs/20260102-030405-17.jsonl -o loop.py
  fivestep eject runs          the newest run of a directory, on standard output
"""


def add_eject(verbs: Any) -> None:
    """Add eject to argparse's sub-parsers."""
    eject = verbs.add_parser(
        "eject", help="write a recorded run out as a plain PyTorch loop",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    eject.add_argument("run", metavar="RUN", help="what fit(record=...) wrote, or its directory")
    eject.add_argument("-o", "--output", metavar="FILE", help="a new file, not standard output")
    eject.set_defaults(verb=write)


def write(arguments: argparse.Namespace) -> int:
    """Write the loop; return 2, with words, where it cannot be."""
    from fivestep.run import Run

    try:
        text = Run.load(arguments.run).source()
        if arguments.output is None:
            sys.stdout.write(text)
            return 0
        with Path(arguments.output).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        do = "name a file that is not there yet"
        print(f"fivestep: {arguments.output} exists already\n  do: {do}", file=sys.stderr)  # noqa: T201
        return 2
    except (OSError, ValueError) as error:
        print(f"fivestep: {worded(error)}", file=sys.stderr)  # noqa: T201
        return 2
    return 0
