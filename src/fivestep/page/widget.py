"""The page's component as a notebook's widget: Jupyter, marimo, VS Code."""
# anywidget, traitlets and marimo are partly untyped.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUntypedBaseClass=false, reportUnknownArgumentType=false

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    import anywidget
    import traitlets
except ImportError as error:
    raise ImportError(
        "a widget needs anywidget, which is not installed\n  do: pip install 'fivestep[notebook]'"
    ) from error

from fivestep.page.inside import Inside, lines

COMPONENT = Path(__file__).parent / "static" / "component.js"
BUNDLE = 256  # messages sent at once
BREATH = 0.05  # seconds between two bundles
LAST_WORDS = 2.0  # seconds in which a loop that has ended may still say something


def _told(_: object, widget: Any) -> str:
    return widget.told()


class Widget(anywidget.AnyWidget):
    """What was said so far is in ``record``; what comes is sent as it comes, in bundles.

    Args:
        record: gives the text of all that was told, whenever a view begins.
        mode: ``"live"``, ``"replay"`` or ``"film"``.
        inside: the loop that is shown and steered; None for a record.
    """

    _esm = COMPONENT
    mode = traitlets.Unicode("live").tag(sync=True)
    # Made when it is asked for: a page that is loaded again begins with what there is by then.
    record = traitlets.Unicode("").tag(sync=True, to_json=_told)

    def __init__(self, record: Callable[[], str], mode: str, inside: Inside | None = None) -> None:
        self.told = record
        self._inside = inside
        self._over = threading.Event()
        super().__init__(mode=mode)
        if inside is not None:
            self.on_msg(self._hear)
            self._sender = _thread(self._push)
            self._sender.start()

    def _hear(self, widget: Any, content: Any, buffers: Any) -> None:
        """From a view: a request, or where it stands, to be told what it missed."""
        assert self._inside is not None
        if isinstance(content, dict) and type(since := content.get("since")) is int:
            text, _ = lines(self._inside.ring, since)
            self.send({"after": since, "lines": text})
        else:
            self._inside.ask(content)

    def _push(self) -> None:
        """Send what is new for as long as there may be something."""
        assert self._inside is not None
        ring, news = self._inside.ring, threading.Event()
        wake, sent = news.set, ring.last
        while not self._over.is_set():
            news.clear()
            if ring.call(wake, sent):
                came = news.wait(LAST_WORDS)
                ring.forget(wake)
                if not came and self._inside.ended:
                    return
            text, last = lines(ring, sent, BUNDLE)
            if last > sent:
                self.send({"after": sent, "lines": text})
                sent = last
                self._over.wait(BREATH)

    def close(self) -> None:
        """Take the widget away; the loop goes on."""
        self._over.set()
        super().close()


def live(inside: Inside) -> Widget:
    """Show a loop of this process."""
    return Widget(lambda: lines(inside.ring, 0)[0], "live", inside)


def replay(record: Callable[[], str], mode: str = "replay") -> Widget:
    """Show a record; one of a training that was watched as a ``"film"``."""
    return Widget(record, mode)


def _thread(target: Callable[[], None]) -> threading.Thread:
    """A thread that may send: marimo lets only its own reach the page."""
    kind: Any = threading.Thread
    marimo: Any = sys.modules.get("marimo")
    if marimo is not None and marimo.running_in_notebook():
        kind = marimo.Thread
    return kind(target=target, name="fivestep widget", daemon=True)
