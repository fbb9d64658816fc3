"""The doctor's verbs on the command line: run, check, explain, rules.

``add_verbs`` hangs them on the parser of ``fivestep``; every verb sets ``verb`` to a function that
takes the parsed arguments and returns the exit code. torch is loaded only when a verb runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fivestep.doctor import Report
    from fivestep.vitals import Record

RUN = """\
examples:
  fivestep run train.py --epochs 3
  fivestep run --check --sarif fivestep.sarif train.py
  fivestep run -m package.train
"""


def add_verbs(verbs: Any) -> None:
    """Add run, check, explain and rules to argparse's sub-parsers."""
    run = verbs.add_parser(
        "run", help="run a training script and say what is wrong with it",
        epilog=RUN, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    _add_output(run)
    run.add_argument("--record", metavar="FILE", help="write the vitals, for `fivestep check FILE`")
    run.add_argument("-m", dest="module", action="store_true", help="the target is a module")
    run.add_argument("target", nargs="?", help="script.py, or a module with -m")
    run.add_argument("arguments", nargs=argparse.REMAINDER, help="given to the script as they are")
    run.set_defaults(verb=_in_words(run_script))
    check = verbs.add_parser("check", help="diagnose a recorded run")
    _add_output(check)
    check.add_argument(
        "run", metavar="RUN", nargs="+", help="what --record wrote; of several ranks, all of them"
    )
    check.set_defaults(verb=_in_words(check_run))
    explain = verbs.add_parser("explain", help="explain a rule, with its sick and its healthy loop")
    explain.add_argument("rule", metavar="NAME", help="a name or a code: stale-gradient, FS301")
    explain.set_defaults(verb=_in_words(explain_rule))
    rules = verbs.add_parser("rules", help="list the rules")
    rules.set_defaults(verb=list_rules)


def _in_words(verb: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """A wrong name or path is told in its words, without a traceback; exit code 2."""

    def told(arguments: argparse.Namespace) -> int:
        try:
            return verb(arguments)  # what the user's script raises stays in its Outcome
        except (OSError, ValueError) as error:
            print(f"fivestep: {worded(error)}", file=sys.stderr)  # noqa: T201
            return 2

    return told


def worded(error: Exception) -> str:
    """What an error says; of one that the system has raised about a file, what to do, too."""
    if isinstance(error, OSError) and error.filename is not None:
        what = f"{error.filename}: {error.strerror}"
        return f"{what}\n  do: name one that is there, in a place that you may read or write"
    return str(error)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="write the report as JSON; - for standard output, after the script's own",
    )
    parser.add_argument("--sarif", metavar="FILE", help="write the report as SARIF 2.1.0")
    parser.add_argument("--check", action="store_true", help="exit with 1 if something is wrong")
    parser.add_argument("--rules", metavar="NAMES", help="only these, separated by commas")
    parser.add_argument("--ignore", metavar="NAMES", default="", help="not these")


def run_script(arguments: argparse.Namespace) -> int:
    """Run a script as Python would, listening; then report on standard error."""
    from fivestep.doctor import listen
    from fivestep.ending import Ending
    from fivestep.listen.script import Outcome, run
    from fivestep.ranks import meet

    if arguments.target is None:
        raise ValueError(
            "run: a script was expected\n  do: fivestep run train.py, or -m package.train"
        )
    names = _names(arguments)  # a wrong name is said before the training, not after it
    doctor, meeting = listen(), meet()
    ending = Ending(
        doctor, meeting,
        diagnose=lambda record: _of_this_rank(record, names, arguments.record),
        tell=lambda report: _say(report, arguments) if meeting or _rank() == 0 else None,
    )  # fmt: skip
    with ending.even_if_terminated():
        target, rest = arguments.target, arguments.arguments
        outcome: Outcome = run(doctor, target, rest, module=arguments.module)
        outcome.show()
        report = ending.report(failed=outcome.code != 0)
    return outcome.code or int(bool(arguments.check and report and report.wrong))


def _of_this_rank(
    record: Record, names: tuple[list[str] | None, list[str]], path: str | None
) -> Report:
    record.rank = _rank()
    if path:
        record.save(_ranked(Path(path), record.rank))
    return _diagnose(record, names)


def _rank() -> int:
    """The number of this process among those of its run; 0 where it is alone."""
    return int(os.environ.get("RANK") or "0")


def _ranked(path: Path, rank: int) -> Path:
    """``vitals.jsonl`` for rank 0 and for a process alone, else ``vitals.rank1.jsonl``."""
    return path.with_suffix(f".rank{rank}{path.suffix}") if rank else path


def check_run(arguments: argparse.Namespace) -> int:
    """Diagnose a recorded run; the records of several ranks together."""
    from fivestep.merge import merge
    from fivestep.vitals import Record

    names = _names(arguments)
    records = [Record.load(Path(one)) for one in arguments.run]
    reports = {one.rank: _diagnose(one, names) for one in records}
    if len(reports) < len(records):
        raise ValueError("two of these are of the same rank\n  do: name the records of one run")
    report = merge(reports) if len(reports) > 1 else next(iter(reports.values()))
    _say(report, arguments)
    return int(arguments.check and report.wrong)


def explain_rule(arguments: argparse.Namespace) -> int:
    """Print a rule's page: its docs, its two loops, and what the doctor says of them."""
    from fivestep.explain_rule import page
    from fivestep.rules import named

    sys.stdout.write(page(named(arguments.rule)))
    return 0


def list_rules(arguments: argparse.Namespace) -> int:
    """Print the catalogue."""
    from fivestep.rules import catalogue

    for rule in catalogue().values():
        summary = rule.summary.replace("``", "`")
        print(f"{rule.code}  {rule.name:<24} {rule.severity.value:<11} {summary}")  # noqa: T201
    return 0


def _names(arguments: argparse.Namespace) -> tuple[list[str] | None, list[str]]:
    from fivestep.rules import chosen

    return chosen(arguments.rules), chosen(arguments.ignore) or []


def _diagnose(record: Record, names: tuple[list[str] | None, list[str]]) -> Report:
    from fivestep.doctor import diagnose

    return diagnose(record, rules=names[0], ignore=names[1])


def _say(report: Report, arguments: argparse.Namespace) -> None:
    from fivestep import report as pages

    pages.print_report(report)
    if arguments.json == "-":
        import json

        sys.stdout.write(json.dumps(pages.as_json(report), indent=2) + "\n")
    elif arguments.json:
        pages.write_json(report, arguments.json)
    if arguments.sarif:
        pages.write_sarif(report, arguments.sarif)
