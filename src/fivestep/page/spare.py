"""A process for a script: it has loaded what all scripts need, and waits to be told which.

To load torch takes seconds, so the next process is begun while the last one's script runs. No
script can tell: a process that waited is only taken where one begun now would be begun alike.
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

from fivestep.page import child

LOADED = ("fivestep", "numpy", "torch")  # files that may be others after an installation
PATIENCE = 3.0  # seconds for a process that is told to end


class Begun:
    """A process that was begun, for a script that it may not know yet.

    Args:
        command: begins it: child.py, and a script of the folder that scripts will come from.
        given: of its environment, what is not as it is here.
        modules: it loads these, too, while it waits.
    """

    def __init__(
        self, command: list[str], given: dict[str, str], modules: tuple[str, ...] = ()
    ) -> None:
        self.way = way(command, given)
        key = secrets.token_bytes(32)
        self._listener = Listener(authkey=key)
        calling = {child.CONTACT: json.dumps([self._listener.address, key.hex(), modules])}
        with _deaf():
            self.process = subprocess.Popen(command, env=os.environ | given | calling)
        self._calls: list[Connection[Any, Any]] = []
        self._waiting = threading.Thread(target=self._accept, daemon=True)
        self._waiting.start()

    def _accept(self) -> None:
        while not self._calls:
            try:
                self._calls.append(self._listener.accept())
                self._listener.close()  # nobody else is to call, however long this one waits
            except AuthenticationError:  # somebody without the key
                continue
            except Exception:  # closed below
                return

    def connection(self) -> Connection[Any, Any] | None:
        """To this process, which calls; None if it ends before."""
        while self._waiting.is_alive() and self.process.poll() is None:
            self._waiting.join(0.05)
        self._listener.close()
        return self._calls[0] if self._calls else None

    def end(self) -> None:
        """It is not needed."""
        end(self.process)
        connection = self.connection()
        if connection is not None:
            connection.close()


class Spare:
    """At most one process that waits for its script.

    Args:
        modules: each loads these, too: what its script would do at once by itself.
    """

    def __init__(self, modules: tuple[str, ...] = ()) -> None:
        self._modules = modules
        self.waits: Begun | None = None

    def take(self, command: list[str], given: dict[str, str]) -> Begun:
        """The one that waits, if it was begun as this command would now; else a new one."""
        waits, self.waits = self.waits, None
        if waits is not None:
            if waits.way == way(command, given) and waits.process.poll() is None:
                return waits
            waits.end()
        return Begun(command, given, self._modules)

    def lay_in(self, command: list[str], given: dict[str, str]) -> None:
        """Begin the next, if none waits."""
        if self.waits is None:
            self.waits = Begun(command, given, self._modules)

    def close(self) -> None:
        """End the one that waits."""
        waits, self.waits = self.waits, None
        if waits is not None:
            waits.end()


@contextmanager
def _deaf() -> Generator[None]:
    """What is begun in here hears no Ctrl-C until it has said that it can take one."""
    if os.name != "posix":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def way(command: list[str], given: dict[str, str]) -> tuple[Any, ...]:
    """All that a process keeps of how it was begun; the script's own name is told to it anew."""
    place = child.folder(command[2])
    return place, str(Path.cwd()), dict(os.environ), given, [changed(name) for name in LOADED]


def changed(package: str) -> int:
    """When its first file was written: another number after an installation."""
    spec = importlib.util.find_spec(package)
    try:
        return Path(spec.origin).stat().st_mtime_ns if spec is not None and spec.origin else 0
    except OSError:
        return 0


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process: asked first, then made to."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def command(target: str, arguments: list[str]) -> list[str]:
    """Begins a process for a script."""
    return [sys.executable, str(Path(child.__file__)), target, *arguments]
