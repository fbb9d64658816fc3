"""Writes checkpoints in a thread of its own, one at a time, while the training goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from fivestep.checkpoints.snapshot import Snapshot
from fivestep.checkpoints.store import Store, Written


class Writer:
    """One thread for each save, and never two at once.

    Attributes:
        failure: why the last save did not succeed, None if it did.
        written: the last one that did.
        look: what the manifest is to say of the copied state, besides all else; looked for in the
            thread.
        seconds: of the processor, that the last one took.
    """

    def __init__(self, store: Store, *, told: Callable[[Exception], None] | None = None) -> None:
        self._store, self._thread = store, None
        self._thread: threading.Thread | None = None
        self._told = told
        self.failure: Exception | None = None
        self.written: Written | None = None
        self.seconds = 0.0
        self.look: Callable[[Snapshot], dict[str, Any]] = lambda _: {}

    @property
    def busy(self) -> bool:
        """Tell whether a save is being written."""
        return self._thread is not None and self._thread.is_alive()

    def write(self, body: dict[str, Any], taken: Snapshot) -> None:
        """Write one, when the one before it is done."""
        self.wait()
        # No daemon: an interpreter that ends waits for it. Killed it may be at any time.
        self._thread = threading.Thread(
            target=self._work, args=(body, taken), name="fivestep-checkpoint"
        )
        self._thread.start()

    def wait(self) -> None:
        """Wait for the one that is being written."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            if self.failure is not None and self._told is not None:
                failure, self.failure = self.failure, None
                self._told(failure)

    def _work(self, body: dict[str, Any], taken: Snapshot) -> None:
        began = time.thread_time()
        try:
            body = body | self.look(taken) | {"state": taken.state}
            self.written = self._store.save(body, taken.fragments)
            self.failure = None
        except Exception as error:  # told to the training's own thread, which decides
            self.failure = error
        self.seconds = time.thread_time() - began
