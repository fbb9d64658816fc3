"""A training in a thread of its own, so that a notebook stays usable while it runs."""

from __future__ import annotations

import atexit
import contextvars
import sys
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import torch

from fivestep.interrupt import Interrupt
from fivestep.modes import lent
from fivestep.page.inside import Inside
from fivestep.run import Run
from fivestep.vitals import Site

Train = Callable[[Run, Interrupt], object]

_running: Background | None = None  # one at a time: random numbers belong to the whole process
_lock = threading.Lock()


@dataclass(eq=False)
class Background(Run):
    """A ``Run`` that is still growing: ``history`` has a record more after each epoch.

    ``wait`` for its end, ``stop`` it, or show it: in a notebook it is displayed as a page with
    buttons, live. In a script, Python waits for it before it ends.
    """

    inside: Inside | None = field(default=None, repr=False)
    error: BaseException | None = field(default=None, repr=False)
    _interrupt: Interrupt = field(default_factory=Interrupt, repr=False)
    _over: threading.Event = field(default_factory=threading.Event, repr=False)
    _model: Any = field(default=None, repr=False)
    _widget: Any = field(default=None, repr=False)

    @property
    def done(self) -> bool:
        """It is over, in whatever way."""
        return self._over.is_set()

    def wait(self) -> Run:
        """Wait until it is over, and return it.

        While a cell waits, a notebook lets no button through: a training that was paused goes on.
        Ctrl-C ends the training after its iteration, as without ``background``; a second one
        leaves it to itself.

        Raises:
            BaseException: what ended the training, if that was an error.
        """
        if self.inside is not None and not self.done:
            self.inside.let_go()
        try:
            self._sleep()
        except KeyboardInterrupt:
            self.stop()
            self._sleep()
        if self.error is not None:
            raise self.error
        return self

    def _sleep(self) -> None:
        while not self._over.wait(0.2):  # in pieces, for on Windows nothing else lets Ctrl-C in
            pass

    def stop(self) -> None:
        """End it after the iteration that it is in, and return at once."""
        self._interrupt.request()
        if self.inside is not None:
            self.inside.let_go()

    def page(self) -> Any:
        """Show it in a notebook: a widget. One, however often it is asked for.

        Raises:
            ImportError: anywidget is not installed.
        """
        if self._widget is None:
            from fivestep.page.widget import live

            assert self.inside is not None
            self._widget = live(self.inside)
        return self._widget

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        try:
            return self.page()._repr_mimebundle_()
        except ImportError:
            return {"text/plain": self.summary()}

    def _display_(self) -> Any:  # marimo
        return self.page()

    # -- in the other thread --------------------------------------------------------------------

    def _begin(self, train: Train, optimizer: Any, site: Site | None) -> Self:
        inside = self.inside = Inside("fit", paused=False)
        inside.stage.made(optimizer)
        inside.stage.where = lambda _: site  # the thread has no line of the user's own
        if site is not None:
            inside.greet(inside.stage.scenes.name(site.file), site.file)
        else:
            inside.greet("fit", "")
        context, device = contextvars.copy_context(), torch.get_default_device()
        threading.Thread(
            target=context.run, args=(self._go, train, device), name="fivestep fit", daemon=True
        ).start()
        atexit.register(_wait_at_exit, weakref.ref(self))
        return self

    def _go(self, train: Train, device: torch.device) -> None:
        assert self.inside is not None
        stage = self.inside.stage
        lent[:] = [self._model, threading.get_ident()]
        try:
            stage.open_early()
            stage.open()
            if device.type == "cpu":
                train(self, self._interrupt)
            else:
                with device:
                    train(self, self._interrupt)
        except BaseException as error:
            self.error = error
        finally:
            stage.close()
            self._leave()
            self._tell_findings()
            words = self.message if self.error is None else f"{self.error}"[:1000]
            self.inside.end("finished" if self.error is None else "failed", words)
            self._over.set()

    def _tell_findings(self) -> None:
        assert self.inside is not None
        for one in self.findings:
            self.inside.find(one)

    def _leave(self) -> None:
        global _running
        with _lock:
            lent.clear()
            if _running is self:
                _running = None


def start(
    train: Train, model: Any, optimizer: Any, site: Site | None, interrupt: Interrupt
) -> Background:
    """Train in another thread; return what will be its ``Run``."""
    global _running
    made = Background(message="it is still running", _model=model, _interrupt=interrupt)
    with _lock:
        _refuse(model)
        _running = made
    try:
        return made._begin(train, optimizer, site)  # pyright: ignore[reportPrivateUsage]
    except BaseException:
        with _lock:
            _running = None
        raise


def refuse_beside(model: Any) -> None:
    """Refuse to train or to measure while a training runs in the background.

    Raises:
        RuntimeError: it would disturb that training, or be disturbed.
    """
    with _lock:
        _refuse(model)


def _refuse(model: Any) -> None:
    running = _running
    if running is None or threading.current_thread().name == "fivestep fit":
        return
    whose = "this model" if running._model is model else "another model"  # pyright: ignore[reportPrivateUsage]
    raise RuntimeError(
        f"{whose} is being trained in the background: {running.message}; two trainings draw from "
        "the same random numbers\n  do: run.wait() or run.stop() first"
    )


def _wait_at_exit(reference: weakref.ref[Background]) -> None:
    made = reference()
    if made is None or made.done:
        return
    if "ipykernel" in sys.modules:  # a kernel that is told to end does not wait for hours
        made.stop()
        made._over.wait(3)  # pyright: ignore[reportPrivateUsage]
        return
    try:
        made._sleep()  # pyright: ignore[reportPrivateUsage]
    except KeyboardInterrupt:
        made.stop()
        made._over.wait()  # pyright: ignore[reportPrivateUsage]
