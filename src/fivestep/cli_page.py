"""The verb ``step``: a training script in a page, one of its five steps at a time."""

from __future__ import annotations

import argparse
import signal
import sys
import time
import webbrowser
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fivestep.page.server import Server
    from fivestep.page.supervise import Supervisor

STEP = """\
examples:
  fivestep step train.py --epochs 3
  fivestep step -m package.train
  fivestep step --record run.jsonl train.py
  fivestep step --replay run.jsonl
"""
NEEDS = ("starlette", "uvicorn")
FOLLOWED = 5.0  # steps a second


def add_step(verbs: Any) -> None:
    """Add step to argparse's sub-parsers."""
    step = verbs.add_parser(
        "step", help="step through a training script in a page",
        description="Run a training script as it is, and hold it after each of its five steps.",
        epilog=STEP, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add_serving(step)
    step.add_argument("--record", metavar="FILE", type=Path, help="write what is told, a line each")
    step.add_argument("--replay", metavar="FILE", type=Path, help="look at a record again")
    step.add_argument(
        "--speed", type=_speed, default=FOLLOWED, metavar="STEPS",
        help=f"steps a second when it plays, at first ({FOLLOWED:g}); 0 for no limit",
    )  # fmt: skip
    step.add_argument("-m", dest="module", action="store_true", help="the target is a module")
    step.add_argument("target", nargs="?", help="script.py, or a module with -m")
    step.add_argument("arguments", nargs=argparse.REMAINDER, help="given to the script as they are")
    step.set_defaults(verb=step_through)


def add_serving(verb: argparse.ArgumentParser) -> None:
    """Add what every verb that serves a page takes."""
    verb.add_argument("--no-browser", action="store_true", help="only print the address")
    verb.add_argument("--host", default="127.0.0.1", help="the address to serve at")
    verb.add_argument(
        "--public", action="store_true", help="serve other machines, too, with --host"
    )
    add_name(verb)
    verb.add_argument("--port", type=port, default=0, help="any that is free, if not given")


def add_name(verb: argparse.ArgumentParser) -> None:
    """Add the names that a public page answers to."""
    verb.add_argument(
        "--name", action="append", default=[], metavar="HOST",
        help="one more name by which others reach it, with --public; as often as needed",
    )  # fmt: skip


def port(text: str) -> int:
    """Read the number of a port."""
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a number from 0 to 65535 was expected, not {text!r}")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not 0 <= speed <= 1e6:
        raise argparse.ArgumentTypeError(f"steps a second from 0 to 1e6 expected, not {text!r}")
    return speed


def step_through(given: argparse.Namespace) -> int:
    """Serve a script, or a record of one; return the exit code."""
    try:
        _check(given)
        return _replay(given) if given.replay is not None else _live(given)
    except (OSError, ValueError) as error:
        print(f"fivestep: {error}", file=sys.stderr)  # noqa: T201
        return 2


def check_serving(given: argparse.Namespace) -> None:
    """Refuse to serve without what it needs, or to whom it was not meant.

    Raises:
        ValueError: a package is missing, or other machines could look on.
    """
    missing = [name for name in NEEDS if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"the page needs {' and '.join(missing)}\n  do: pip install 'fivestep[page]'"
        )
    from fivestep.page.access import check_host

    check_host(given.host, public=given.public, names=given.name)


def _check(given: argparse.Namespace) -> None:
    check_serving(given)
    if (given.target is None) == (given.replay is None):
        raise ValueError(
            "step: one script was expected, or one record\n"
            "  do: fivestep step train.py, or fivestep step --replay run.jsonl"
        )
    if given.target is not None and not given.module and not Path(given.target).is_file():
        raise FileNotFoundError(
            f"{given.target} is no file; the path of a Python script was expected\n"
            "  do: name the script, or use -m for a module"
        )


def _live(given: argparse.Namespace) -> int:
    from fivestep.page.supervise import Supervisor
    from fivestep.page.tape import Tape

    tape = Tape(given.record) if given.record is not None else None
    try:
        supervisor = Supervisor(
            given.target, given.arguments, tape, speed=given.speed or None, module=given.module
        )
        return serve(supervisor, given)
    finally:
        if tape is not None:
            tape.close()
            if tape.failure is not None:
                print(f"fivestep: the record ended: {tape.failure}", file=sys.stderr)  # noqa: T201


def serve(supervisor: Supervisor, given: argparse.Namespace, *, stays: bool = False) -> int:
    """Serve what a supervisor runs; return the exit code.

    Args:
        supervisor: it is started here, and stopped.
        given: the command line.
        stays: also after the script, though nobody has looked on; else only if somebody has and
            may still do, until Ctrl-C.
    """
    from fivestep.page.server import Server

    server = Server(
        supervisor.ring, supervisor.ask, host=given.host, port=given.port, names=given.name,
        stranger=_show,
    )  # fmt: skip
    before = signal.getsignal(signal.SIGTERM)
    with interrupts() as pressed:
        server.start()
        _open(server, given)
        try:
            with terminable():
                supervisor.start()
                return supervisor.watch(pressed, _staying(supervisor, server, given, stays=stays))
        finally:
            supervisor.close()
            server.stop()
            signal.signal(signal.SIGTERM, before)


def _staying(
    supervisor: Supervisor, server: Server, given: argparse.Namespace, *, stays: bool
) -> Callable[[], bool]:
    """Tell whether the page stays after the script, and say so once after each of its runs."""
    said = 0

    def asked() -> bool:
        nonlocal said
        if stays:  # lessons, whose scripts end all the time
            return True
        if server.pages.read and said != supervisor.runs:
            said = supervisor.runs
            name = f"-m {given.target}" if given.module else Path(given.target).name
            how = f" with code {supervisor.code}" if supervisor.code else ""
            words = f"{name} has ended{how}; the page stays until Ctrl-C"
            print(f"fivestep: {words}", file=sys.stderr, flush=True)  # noqa: T201
        return server.pages.read

    return asked


def _replay(given: argparse.Namespace) -> int:
    from fivestep.page.protocol import Message, RefusedError
    from fivestep.page.server import Server
    from fivestep.page.tape import rewind

    ring = rewind(given.replay)

    def refuse(request: Message) -> bool:
        raise RefusedError("this is a record: nothing runs that could be steered")

    server = Server(
        ring, refuse, host=given.host, port=given.port, names=given.name, stranger=_show
    )
    with interrupts() as pressed:
        server.start()
        _open(server, given)
        while not pressed():
            time.sleep(0.05)
        server.stop()
    return 130


def _open(server: Server, given: argparse.Namespace) -> None:
    for link in server.access.links:
        _show(link)
    if not given.no_browser:
        webbrowser.open(server.access.link)


def _show(link: str) -> None:
    print(f"fivestep: open {link}  (good once; Ctrl-C ends)", file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def terminable() -> Generator[None]:
    """Let SIGTERM end what goes on in here, so that no process of ours is left.

    Raises:
        SystemExit: it came. From then on, and after this, another one is not heard: what was begun
            is being ended.
    """

    def end(number: int, frame: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


@contextmanager
def interrupts() -> Generator[Callable[[], int]]:
    """Count Ctrl-C instead of being cut short by it: the script has it first."""
    count = 0

    def pressed(number: int, frame: Any) -> None:
        nonlocal count
        count += 1

    before = signal.signal(signal.SIGINT, pressed)
    try:
        yield lambda: count
    finally:
        signal.signal(signal.SIGINT, before)
