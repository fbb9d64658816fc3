"""The commands, thin. Nothing here imports torch before it is needed: ``--help`` is at once."""

from __future__ import annotations

import argparse
import os
import runpy
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from fivestep.cli_doctor import add_verbs
from fivestep.cli_eject import add_eject
from fivestep.cli_learn import add_learn
from fivestep.cli_page import add_step
from fivestep.cli_prove import add_prove
from fivestep.cli_watch import add_watch
from fivestep.version import __version__

# Each demo is an example of the repository: the file that runs is the file to read.
DEMOS = {
    "line": "y = 2x + 1 from noisy points, every tenth loss printed",
    "slow_line": "y = 0.8x + 0.5 from zero, then the rate raised until it diverges",
    "line_in_numpy": "the same line from scratch in NumPy beside PyTorch",
    "minibatches": "mini-batches, a validation split, train and eval mode",
    "digits": "handwritten digits with dropout and batch norm, over 97 % in under a minute",
    "bytes": "a byte-level language model on the text of Python's standard library",
    "wrong_loss": "a classification done with mean squared error beside the right one",
    "own_loop": "your own loop with train and a plain for",
    "resume_digits": "the digits in a training that goes on where it was killed",
    "resume_loop": "a hand-written loop that goes on where it was killed",
    "resume_lbfgs": "LBFGS in a loop that goes on where it was killed",
    "resume_gan": "two networks against each other, the same",
}
# The same for loops with a fault, in examples/broken: they run under the doctor, who names it.
BROKEN = {
    "forgotten_zero_grad": "gradients that are never cleared",
    "squared_error_for_classes": "the number of a class predicted as a quantity",
    "rate_too_high": "a learning rate that makes the loss explode",
    "rate_too_low": "a learning rate with which nothing happens",
    "column_against_row": "predictions [100, 1] against targets [100]",
    "train_mode_forgotten": "training goes on in eval mode after the first validation",
    "eval_mode_forgotten": "a validation with dropout still on",
    "gradients_off": "a whole loop under no_grad",
    "loss_becomes_nan": "a logarithm of 0",
    "barely_moves": "ten layers of sigmoids through which no gradient comes",
    "zigzag": "a loss that goes up and down and never settles",
    "overfitting": "a network that learns 100 patients by heart",
}
NEEDS = dict.fromkeys(["digits", "resume_digits", "minibatches", "wrong_loss", *BROKEN], "sklearn")
del NEEDS["column_against_row"]  # it makes its own data

EXAMPLES = """examples:
  fivestep run train.py       run a training script as it is, and say what is wrong with its loop
  fivestep explain FS301      one fault: what it is, the sick loop, the healthy one, the report
  fivestep step train.py      step through your loop in the browser, and change it while it runs
  fivestep watch runs         the newest training of a directory in the browser, as it runs
  fivestep runs               all of them, last and best, and what differs
  fivestep export runs -o run.html   one of them as an offline page
  fivestep learn              short lessons in the browser: predict, do, see, on real PyTorch
  fivestep prove setup.py     the guarantees of fit, shown on your own model, loss and data
  fivestep eject run.jsonl    the plain loop that a fit was, to own
  fivestep demo               handwritten digits, learned with the five steps in plain sight
  fivestep demo line          the smallest one
  fivestep demo --list        all of them
  fivestep demo bytes --source  the text of it, to read or to copy
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the usage of the command itself, and what to do."""

    def error(self, message: str) -> NoReturn:
        """End with words on standard error, and code 2."""
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: {message}\n  do: {self.prog} --help shows what it takes\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 130 after Ctrl-C, 1 where nobody reads on."""
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()  # a reader that has gone shows here, not while Python shuts down
    except KeyboardInterrupt:
        print("\nstopped by Ctrl-C", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return 1


def _run(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    given, unknown = parser.parse_known_args(arguments)
    if unknown:  # argparse alone would speak of the whole command, not of the verb
        words = f"{' '.join(unknown)}: unknown here"
        if "arguments" in given:
            words += "; a script's own arguments stand after its name"
        getattr(given, "parser", parser).error(words)
    if given.command is None:
        parser.print_help()
        return 0
    return given.verb(given)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="fivestep",
        description="The PyTorch training loop as real software: forward, loss, zero_grad, "
        "backward, update.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fivestep {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    demo = commands.add_parser(
        "demo",
        help="run one of the examples on real data",
        description="Run one of the examples on real data.",
        epilog=_listed(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [*DEMOS, *BROKEN]
    demo.add_argument("name", nargs="?", default="digits", choices=names, metavar="name")
    demo.add_argument("--list", action="store_true", help="list the demos")
    demo.add_argument("--source", action="store_true", help="print its text instead of running it")
    demo.set_defaults(verb=_demo)
    add_verbs(commands)
    add_prove(commands)
    add_eject(commands)
    add_step(commands)
    add_watch(commands)
    add_learn(commands)
    for one in commands.choices.values():
        one.set_defaults(parser=one)
    return parser


def _listed() -> str:
    rows = [f"{name:<26} {what}" for name, what in (DEMOS | BROKEN).items()]
    rows.insert(len(DEMOS), "\nwith a fault, which the doctor names:")
    return "\n".join(rows)


def _demo(given: argparse.Namespace) -> int:
    if given.list:
        print(_listed())
        return 0
    folder = examples_folder() / "broken" if given.name in BROKEN else examples_folder()
    path = folder / f"{given.name}.py"
    if given.source:
        print(path.read_text(encoding="utf-8"), end="")
        return 0
    package = NEEDS.get(given.name)
    if package is not None and find_spec(package) is None:
        print(
            f"the demo {given.name!r} needs scikit-learn for its data\n"
            "  do: pip install 'fivestep[demo]'",
            file=sys.stderr,
        )
        return 2
    if given.name in BROKEN:
        return _run(["run", str(path)])
    runpy.run_path(str(path), run_name="__main__")
    return 0


def examples_folder() -> Path:
    """Find the examples: inside an installed package, or at the top of the repository."""
    here = Path(__file__).resolve().parent
    installed = here / "examples"
    return installed if installed.is_dir() else here.parents[1] / "examples"
