"""The verb ``learn``: lessons in a page, each with a real script that runs."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from fivestep.cli_page import add_serving, check_serving, serve

LEARN = """\
examples:
  fivestep learn              from the first lesson on
  fivestep learn 3            from the third
  fivestep learn --list       what there is
"""


def add_learn(verbs: Any) -> None:
    """Add learn to argparse's sub-parsers."""
    learn = verbs.add_parser(
        "learn", help="learn the loop in a page: predict, do, see",
        description="Lessons in a page. Each runs a real PyTorch script, and its runs answer you.",
        epilog=LEARN, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    learn.add_argument("number", nargs="?", type=_whole, default=1, help="of the lesson")
    learn.add_argument("--list", action="store_true", help="list the lessons")
    add_serving(learn)
    learn.set_defaults(verb=learn_in_page)


def _whole(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"the number of a lesson was expected, not {text!r}")
    return int(text)


def learn_in_page(given: argparse.Namespace) -> int:
    """List the lessons or serve them; return the exit code."""
    from fivestep.learn.contents import LESSONS

    if given.list:
        for number, one in enumerate(LESSONS, start=1):
            print(f"{number}  {one.title}: {one.about}")  # noqa: T201
        return 0
    try:
        if not 1 <= given.number <= len(LESSONS):
            raise ValueError(
                f"there is no lesson {given.number}; they have the numbers 1 to {len(LESSONS)}\n"
                "  do: fivestep learn --list"
            )
        check_serving(given)
        from fivestep.learn.school import School

        return serve(School(given.number), given, stays=True)
    except (OSError, ValueError) as error:
        print(f"fivestep: {error}", file=sys.stderr)  # noqa: T201
        return 2
