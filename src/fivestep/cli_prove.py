"""The verb prove: a file that sets up a training, and the guarantees shown on it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from fivestep.setup_file import NEEDED, SetupError, found, load

PROVE = """\
examples:
  fivestep prove train_setup.py
  fivestep prove train_setup.py --only accumulated-is-whole --json proof.json

train_setup.py defines model, loss_fn, optimizer and data (or train); and, if there is need,
batch_size, items and forward, as fivestep.fit takes them. Or it defines a function setup() that
returns them as a dict. It is imported, not run: what stands below `if __name__ == "__main__":`
does not start.
"""


def add_prove(commands: Any) -> None:
    """Add prove to argparse's sub-parsers."""
    prove = commands.add_parser(
        "prove", help="show fivestep's guarantees on your own model, loss and data",
        epilog=PROVE, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    prove.add_argument("setup", metavar="train_setup.py", help="defines model, loss_fn, ...")
    prove.add_argument("--json", metavar="FILE", help="write it as JSON; - for standard output")
    prove.add_argument("--only", metavar="NAMES", help="only these, separated by commas")
    prove.add_argument("--seed", metavar="N", type=int, default=0, help="for all random numbers")
    prove.set_defaults(verb=_prove)


def _prove(arguments: argparse.Namespace) -> int:
    """Exit with 0 if all hold, 1 if one fails, 2 if it could not be tried."""
    try:
        from fivestep.proofs import chosen

        only = arguments.only and arguments.only.split(",")
        chosen(only)  # a wrong name is said before the file is run
        given = found(load(arguments.setup), arguments.setup)
    except (OSError, ValueError, TypeError) as error:
        return _refused(error)
    except SetupError as broken:
        print(broken, end="", file=sys.stderr)  # noqa: T201
        return 2
    return _shown(arguments, given, only)


def _shown(arguments: argparse.Namespace, given: dict[str, Any], only: list[str] | None) -> int:
    from fivestep.proofs.page import print_proof
    from fivestep.prove import prove

    positional = [given.pop(name) for name in NEEDED]
    try:
        proof = prove(*positional, **given, only=only, seed=arguments.seed, setup=arguments.setup)
        if arguments.json and arguments.json != "-":
            Path(arguments.json).write_text(proof.to_json() + "\n", encoding="utf-8")
    except (OSError, ValueError, TypeError) as error:
        return _refused(error)
    if arguments.json == "-":
        sys.stdout.write(proof.to_json() + "\n")
    print_proof(proof, file=sys.stderr if arguments.json == "-" else sys.stdout)
    return proof.code


def _refused(error: Exception) -> int:
    print(f"fivestep: {error}", file=sys.stderr)  # noqa: T201
    return 2
