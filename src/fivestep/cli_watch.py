"""The verbs ``watch``, ``runs`` and ``export``: recorded trainings looked at, also as they grow."""

from __future__ import annotations

import argparse
import json
import sys
import webbrowser
from pathlib import Path
from typing import Any

from fivestep.cli_page import add_name, interrupts, port

WATCH = """\
examples:
  fivestep watch runs                    the newest run of a directory, and later ones
  fivestep watch runs/20260102-030405-17.jsonl
  fivestep watch a.jsonl b.jsonl c.jsonl    three runs compared
"""
RUNS = """\
examples:
  fivestep runs                the runs in the directory runs, as a table
  fivestep runs results --json
  fivestep runs a.jsonl b.jsonl results    these beside each other
  fivestep runs --page         the newest of them compared in the browser
"""
EXPORT = """\
examples:
  fivestep export runs -o run.html       the newest run of a directory as one offline page
  fivestep export a.jsonl b.jsonl -o both.html
  fivestep export step.jsonl -o step.html    what fivestep step --record wrote
"""
MOST = 12  # runs in one page


def add_watch(verbs: Any) -> None:
    """Add watch, runs and export to argparse's sub-parsers."""
    _add_watch(verbs)
    _add_runs(verbs)
    export = verbs.add_parser(
        "export", help="write a recorded run as one offline page",
        description="Write a recorded run, or several, as one HTML file that needs no server.",
        epilog=EXPORT, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    export.add_argument("runs", metavar="RUN", nargs="+", type=Path, help="journals or records")
    export.add_argument("-o", "--output", metavar="FILE", type=Path, required=True)
    export.set_defaults(verb=_safely(_export))


def _add_watch(verbs: Any) -> None:
    watch = verbs.add_parser(
        "watch", help="look at a training in a page, also while it runs",
        description="Serve the live view of a training, or several beside each other.",
        epilog=WATCH, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    watch.add_argument("runs", metavar="RUN", nargs="+", type=Path, help="journals, or a directory")
    _add_serving(watch)
    watch.add_argument("--for-a-training", action="store_true", help=argparse.SUPPRESS)
    watch.set_defaults(verb=_safely(_watch))


def _add_runs(verbs: Any) -> None:
    runs = verbs.add_parser(
        "runs", help="the recorded runs of a directory",
        description="List runs, those of a directory or several: state, last and best, and what "
        "differs.",
        epilog=RUNS, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    runs.add_argument(
        "runs", metavar="RUN", nargs="*", type=Path, default=[Path("runs")],
        help="journals, or directories of them; the directory runs, if none is named",
    )  # fmt: skip
    runs.add_argument("--json", action="store_true", help="for programs")
    runs.add_argument("--page", action="store_true", help="compare the newest in a page")
    _add_serving(runs)
    runs.set_defaults(verb=_safely(_runs), for_a_training=False)


def _add_serving(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--browser", action="store_true", help="open it in the browser")
    verb.add_argument(
        "--no-browser",
        dest="browser",
        action="store_false",
        help="only print the address, which is the default",
    )
    verb.add_argument("--host", default="127.0.0.1", help="the address to serve at")
    verb.add_argument("--public", action="store_true", help="serve other machines, with --host")
    add_name(verb)
    verb.add_argument("--port", type=port, default=0, help="any that is free, if not given")


def _safely(act: Any) -> Any:
    def verb(given: argparse.Namespace) -> int:
        try:
            return act(given)
        except (OSError, ValueError) as error:
            print(f"fivestep: {error}", file=sys.stderr)  # noqa: T201
            return 2

    return verb


def _watch(given: argparse.Namespace) -> int:
    from fivestep.live.reading import begun, find, is_of_step, runs_in

    for one in given.runs:
        if is_of_step(one):
            raise ValueError(
                f"{one} is a record of fivestep step\n  do: fivestep step --replay {one}"
            )
    folder = given.runs[0] if len(given.runs) == 1 and given.runs[0].is_dir() else None
    if folder is not None:
        there = [one for one in runs_in(folder) if begun(one)]  # one that is empty tells nothing
        return _serve(given, there[-1:], folder)
    return _serve(given, [find(one) for one in given.runs], folder)


def _runs(given: argparse.Namespace) -> int:
    from fivestep.live.reading import find, runs_in
    from fivestep.live.table import plain, printed, rows

    journals: list[Path] = []
    for one in given.runs:
        newest = find(one)  # says so if there is none
        journals += runs_in(one) if one.is_dir() else [newest]
    journals = list(dict.fromkeys(journals))
    if given.page:
        return _serve(given, journals[-MOST:])
    found, problems = rows(journals)
    if given.json:
        print(json.dumps({"runs": plain(found)}, indent=2, allow_nan=False))  # noqa: T201
    elif found:
        printed(found)
    for one in problems:  # in a directory other files may stand, too
        print(f"fivestep: {one}", file=sys.stderr)  # noqa: T201
    if not found:
        print("  do: name what fit(record=...) wrote, or its directory", file=sys.stderr)  # noqa: T201
    return 0 if found else 2


def _export(given: argparse.Namespace) -> int:
    from fivestep.live.export import export
    from fivestep.live.reading import find, is_of_step

    found = [one if is_of_step(one) else find(one) for one in given.runs]
    if len(found) > 1 and any(is_of_step(one) for one in found):
        raise ValueError(
            "a record of fivestep step stands in a page of its own\n  do: export it alone"
        )
    made = export(found, _say)
    try:
        with given.output.open("xb") as file:
            file.write(made)
    except FileExistsError as error:
        raise FileExistsError(
            f"{given.output} exists already\n  do: name a file that is not there yet"
        ) from error
    except OSError as error:
        raise OSError(
            f"{given.output} cannot be written: {error.strerror}\n"
            "  do: name a file in a directory that is there and that you may write to"
        ) from error
    print(f"{given.output}: {len(made):,} bytes")  # noqa: T201
    return 0


def _say(words: str) -> None:
    print(f"fivestep: {words}", file=sys.stderr, flush=True)  # noqa: T201


def _serve(given: argparse.Namespace, journals: list[Path], folder: Path | None = None) -> int:
    from fivestep.live.start import missing
    from fivestep.page.access import check_host

    if words := missing():
        raise ValueError(words)
    if len(set(journals)) > MOST:
        raise ValueError(
            f"{len(journals)} runs were given; one page shows {MOST}\n  do: name fewer"
        )
    check_host(given.host, public=given.public, names=given.name, does="sees the runs")
    from fivestep.live.viewer import Viewer, serve

    quiet = given.for_a_training  # that is about to write
    viewer = Viewer(
        list(dict.fromkeys(journals)), folder, tell=(lambda words: None) if quiet else _say
    )
    if not journals:
        print(f"fivestep: no run in {folder} yet; the first that begins is shown", file=sys.stderr)  # noqa: T201
    with interrupts() as pressed:
        return serve(
            viewer, host=given.host, port=given.port, names=given.name, show=_shower(given),
            pressed=pressed, with_training=given.for_a_training,
        )  # fmt: skip


def _shower(given: argparse.Namespace) -> Any:
    first = True

    def show(link: str) -> None:
        nonlocal first
        said = "Ctrl-C ends" if not given.for_a_training else "the training goes on without it"
        line = f"fivestep: open {link}  (good once; {said})"
        try:
            if first and given.for_a_training:
                print(line, flush=True)  # noqa: T201 - to the training, which shows it
            else:
                print(line, file=sys.stderr, flush=True)  # noqa: T201
        except OSError:  # the training has gone, and with it who read this
            pass
        if first and given.browser:
            webbrowser.open(link)
        first = False

    return show
