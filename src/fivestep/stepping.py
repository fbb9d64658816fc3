"""A loop of a notebook, stepped through in a thread of its own.

While a cell runs, a notebook lets no button through; so the cell returns at once, and its loop is
held before its first step. The thread shares the notebook's variables.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from fivestep.listen.script import without_ours
from fivestep.page.findings import Findings
from fivestep.page.inside import Inside
from fivestep.page.perform import Attendant, points_at

LAST_WORDS = 5.0  # seconds for a loop that is told to end

_running: Stepped | None = None


class Stepped:
    """A loop that is stepped through, and runs in a thread of its own.

    Args:
        loop: runs it.
        name: what it is called on the page.
        file: where its source stands.
    """

    def __init__(self, loop: Callable[[], object], name: str, file: str) -> None:
        self.inside = Inside("step", paused=True)
        self.error: BaseException | None = None
        self._loop = loop
        self._widget: Any = None
        self.inside.greet(name, file)
        self._thread = threading.Thread(target=self._run, name="fivestep step", daemon=True)

    def start(self) -> None:
        """Begin; the loop is held before its first step.

        Raises:
            RuntimeError: the one before it does not end.
        """
        global _running
        if _running is not None:
            _running.stop()
        _running = self
        self._thread.start()

    def _run(self) -> None:
        stage = self.inside.stage
        doctor = Attendant(stage)
        stage.findings = Findings(
            doctor, self.inside.post, lambda one: points_at(one, stage), stage.scenes.name
        )
        reason, words = "finished", ""
        try:
            with doctor:
                self._loop()
        except KeyboardInterrupt as error:
            reason, self.error = "interrupted", error
        except BaseException as error:
            reason, self.error, words = "failed", error, f"{type(error).__name__}: {error}"[:1000]
            trace = without_ours(error.__traceback__)
            sys.excepthook(type(error), error.with_traceback(trace), trace)
        finally:
            self.inside.end(reason, words)

    @property
    def done(self) -> bool:
        """It is over, in whatever way."""
        return self.inside.ended

    def stop(self) -> None:
        """End the loop as Ctrl-C would, at its next step, and wait for that.

        Raises:
            RuntimeError: it does not come to a step.
        """
        if self._thread.is_alive():
            self.inside.control.stop()
            self._thread.join(LAST_WORDS)
            if self._thread.is_alive():
                raise RuntimeError(
                    "the loop that is stepped through does not come to its next step\n"
                    "  do: wait until its step has ended, or restart the kernel"
                )

    def wait(self) -> None:
        """Let it run to its end at full speed, and wait for that.

        Raises:
            BaseException: what ended it, if that was an error.
        """
        self.inside.let_go()
        while self._thread.is_alive():
            self._thread.join(0.2)  # in pieces, for on Windows nothing else lets Ctrl-C through
        if self.error is not None:
            raise self.error

    def page(self) -> Any:
        """The widget that shows it. One, however often it is asked for."""
        if self._widget is None:
            from fivestep.page.widget import live

            self._widget = live(self.inside)
        return self._widget

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self.page()._repr_mimebundle_()

    def _display_(self) -> Any:  # marimo
        return self.page()


def step(loop: Callable[[], object]) -> Stepped:
    """Step through a function's training loop, in a notebook of any kind.

    It runs in a thread, held before its first step, and is shown as a page with buttons when what
    is returned is displayed. Another one that is stepped through is ended first.

    Args:
        loop: a function without arguments that trains.

    Returns:
        The loop: ``stop()`` it, ``wait()`` for it.

    Raises:
        ImportError: anywidget is not installed.
        RuntimeError: the loop before it does not come to its next step.
    """
    code: Any = getattr(loop, "__code__", None)
    if code is None:
        raise TypeError(
            f"a function without arguments was expected, not {type(loop).__name__}\n"
            "  do: def loop(): ..., then fivestep.step(loop)"
        )
    from fivestep.page import widget  # says what is missing before anything runs

    del widget
    made = Stepped(loop, getattr(loop, "__name__", "loop"), code.co_filename)
    made.start()
    return made
