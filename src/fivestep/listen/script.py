"""Run a script as ``python script.py`` would, with somebody listening."""

from __future__ import annotations

import runpy
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import fivestep
from fivestep.listen import Listener
from fivestep.listen.site import here, users_own
from fivestep.vitals import Site

_HERE = str(Path(fivestep.__file__).parent)
_RULES = str(Path(_HERE) / "rules")


@dataclass
class Outcome:
    """How a script ended: its exit code, and the exception that it left with."""

    code: int = 0
    error: BaseException | None = None

    def show(self) -> None:
        """Print what Python would have printed, without our frames."""
        if isinstance(self.error, SystemExit):
            if self.error.code is not None and not isinstance(self.error.code, int):
                print(self.error.code, file=sys.stderr)  # noqa: T201
        elif self.error is not None:
            bare = own_lines if isinstance(self.error, KeyboardInterrupt) else without_ours
            trace = bare(self.error.__traceback__)
            _forget_ours(self.error)
            sys.excepthook(type(self.error), self.error.with_traceback(trace), trace)


def run(listener: Listener, target: str, arguments: list[str], *, module: bool) -> Outcome:
    """Run a script or a module to its end; nothing of what it raises comes out of here.

    Raises:
        FileNotFoundError: there is no such script.
    """
    if not module and not Path(target).is_file():
        raise FileNotFoundError(
            f"{target} is no file; the path of a Python script was expected\n"
            "  do: name the script, or use -m for a module"
        )
    argv, path, main = sys.argv, list(sys.path), sys.modules["__main__"]
    sys.argv = [target, *arguments]
    sys.path[0:1] = [str(Path.cwd()) if module else str(Path(target).resolve().parent)]
    outcome = Outcome()
    try:
        with listener:
            _run_module(target) if module else _run_file(target)
    except SystemExit as error:
        outcome = Outcome(_code(error), error)
    except KeyboardInterrupt as error:
        outcome = Outcome(130, error)
    except BaseException as error:
        outcome = Outcome(1, error)
        listener.record.ended_site = _last_line(error.__traceback__)
    finally:
        sys.argv, sys.path[:], sys.modules["__main__"] = argv, path, main
    return outcome


def _run_module(name: str) -> None:
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _run_file(target: str) -> None:
    main = types.ModuleType("__main__")
    main.__file__ = target
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main  # classes made in the script are pickled by this name
    code = compile(Path(target).read_bytes(), target, "exec", dont_inherit=True)
    exec(code, main.__dict__)


def _code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    return error.code if isinstance(error.code, int) else 1


def without_ours(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of fivestep and of what runs the script for it."""
    if trace is None:
        return None
    rest = without_ours(trace.tb_next)
    file = trace.tb_frame.f_code.co_filename
    if _is_ours(file) or file.startswith("<frozen runpy"):
        return rest
    return TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


def own_lines(trace: TracebackType | None) -> TracebackType | None:
    """A traceback of the script's own lines alone: an interrupt may come in anybody's."""
    if trace is None:
        return None
    rest = own_lines(trace.tb_next)
    if not _is_scripts(trace.tb_frame.f_code.co_filename):
        return rest
    return TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


def _forget_ours(error: BaseException) -> None:
    """An interrupt that came while we handled an error of our own has nothing to do with it."""
    past = error.__context__
    if isinstance(error, KeyboardInterrupt) and past is not None:
        past.__traceback__ = own_lines(past.__traceback__)
        if past.__traceback__ is None:
            error.__context__ = None


def _is_scripts(file: str) -> bool:
    return users_own(file) and not file.startswith(_RULES)  # read by us in the middle of anything


def _is_ours(file: str) -> bool:
    return file.startswith(_HERE) and not users_own(file)


def _last_line(trace: TracebackType | None) -> Site | None:
    site: Site | None = None
    while trace is not None:
        code = trace.tb_frame.f_code
        if here(trace.tb_frame) is not None and not _is_ours(code.co_filename):
            site = Site(code.co_filename, trace.tb_lineno, code.co_name)
        trace = trace.tb_next
    return site
