"""Between the script's process and the one that serves the page: messages there, requests back.

The loop writes into a ring and goes on; a thread sends what is in it. If the other process dies,
the script goes on unwatched.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch

from fivestep.page.contact import Contact
from fivestep.page.control import Control
from fivestep.page.perform import perform
from fivestep.page.protocol import VERSION, Message, encode
from fivestep.page.ring import Ring

WAITING = 2048  # messages; of more, those that may be left out are thinned
BUNDLE = 64  # messages sent at once
PACE = 0.3  # seconds that a point of a curve may wait for the next: to wake a thread costs the loop
LAST_WORDS = 10.0  # seconds for what is left when the script is over
TWICE = 0.5  # seconds: one press of Ctrl-C
PASSED_ON = 5.0  # seconds in which one that comes by the other process is the same


def run(connection: Connection[Any, Any], contact: Contact) -> int:
    """Run a script as a process would that was begun for it alone; return its exit code."""
    sys.orig_argv = list(contact.command)
    importlib.invalidate_caches()  # files of its folder may have come since
    link = Link(connection, contact)
    link.sow()
    code = link.perform()
    with suppress(KeyboardInterrupt):  # by whom the last words are not waited for
        link.close()
    return code


class Link:
    """The script's end."""

    def __init__(self, connection: Connection[Any, Any], contact: Contact) -> None:
        self._contact, self._connection = contact, connection
        self._ring: Ring[Message] = Ring(WAITING, before=contact.before)
        self.control = Control(speed=contact.speed)
        self._sent = contact.before
        self._news, self._over = threading.Event(), threading.Event()
        self._sender = threading.Thread(target=self._send, name="fivestep messages", daemon=True)
        self._interrupted = -PASSED_ON

    def sow(self) -> None:
        """What a script does not seed itself is the same in every run after a reset."""
        random.seed(self._contact.seed)
        np.random.seed(self._contact.seed)  # the one that scripts draw from
        torch.manual_seed(self._contact.seed)

    def perform(self) -> int:
        """Run the script to its end."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._interrupt)
        self._sender.start()
        threading.Thread(target=self._hear, name="fivestep requests", daemon=True).start()
        contact = self._contact
        target, *arguments = contact.command[2:]
        outcome = perform(
            target, arguments, self._post, self.control, run_id=contact.run,
            module=contact.module, seed=contact.seed if contact.new_seed else None,
        )  # fmt: skip
        if not (contact.lesson and isinstance(outcome.error, KeyboardInterrupt)):
            outcome.show()
        return outcome.code

    def close(self) -> None:
        """Send what is left."""
        self._over.set()
        self._news.set()
        self._sender.join(LAST_WORDS)

    def _post(self, kind: str, fields: Message) -> int:
        number = self._ring.write(kind, {"kind": kind} | fields)
        waits = kind == "iteration" and not self.control.watched()
        if not waits or number - self._sent > WAITING // 4:
            self._news.set()
        return number

    def _send(self) -> None:
        while True:
            last_round = self._over.is_set()
            entries = self._ring.read(self._sent, BUNDLE)
            if entries:
                lines = [encode({"v": VERSION, "seq": e.seq} | e.content) for e in entries]
                try:
                    self._connection.send_bytes(b"\n".join(lines))
                except (OSError, ValueError):
                    return
                self._sent = entries[-1].seq
                if len(entries) < BUNDLE and not last_round:
                    self._news.wait(PACE)
                    self._news.clear()
            elif last_round:
                return
            elif self._ring.call(self._news.set, self._sent):
                self._news.wait()
                self._news.clear()

    def _hear(self) -> None:
        try:
            while True:
                asked = json.loads(self._connection.recv_bytes())
                if asked["verb"] == "interrupt":
                    self._pass_on_interrupt()
                else:
                    self.control.ask(asked)
        except (OSError, EOFError):  # nobody looks on any more
            if self._contact.lesson:
                self.control.stop()
            self.control.ask({"id": "", "verb": "speed", "value": None})
            self.control.ask({"id": "", "verb": "play"})

    def _interrupt(self, number: int, frame: Any) -> None:
        now = time.monotonic()
        if now - self._interrupted >= TWICE:
            self._interrupted = now
            raise KeyboardInterrupt

    def _pass_on_interrupt(self) -> None:
        """The other process was told to end, and perhaps not this one."""
        ours = signal.getsignal(signal.SIGINT) == self._interrupt
        if ours and time.monotonic() - self._interrupted >= PASSED_ON:
            # To the process, not to this thread: whatever the script waits for is to be cut short.
            os.kill(os.getpid(), signal.SIGINT) if os.name == "posix" else signal.raise_signal(
                signal.SIGINT
            )
