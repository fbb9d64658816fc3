"""The process that serves the page. It starts the script in another one, and again at a reset.

While a script runs, the process of the next run loads what it will need (spare.py).
"""

from __future__ import annotations

import json
import math
import os
import secrets
import subprocess
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from fivestep.page.contact import Contact
from fivestep.page.protocol import VERSION, Message, encode
from fivestep.page.ring import Ring
from fivestep.page.spare import Spare, command, end
from fivestep.page.tape import Tape

GOING = {"play", "pause", "step", "iteration", "epoch", "speed"}
LATE = 0.5  # seconds after which a Ctrl-C is passed on, if the script has not had it by itself


class Supervisor:
    """Runs a script, and keeps what it tells.

    Args:
        target: the script.
        arguments: its own.
        tape: where everything is written, too.
        speed: steps a second to begin with; None for no limit.
        module: the target is the name of a module.
        loads: modules that every script loads at once, and that may be there before it begins.
    """

    def __init__(
        self, target: str, arguments: list[str], tape: Tape | None = None, *,
        speed: float | None = None, module: bool = False, loads: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self.ring: Ring[bytes] = Ring()
        self._target, self._arguments, self._tape = target, arguments, tape
        self._seed, self._new_seed = secrets.randbits(32), False
        self._speed, self._module = speed, module
        self.runs = 0  # begun so far
        self._lock = threading.RLock()  # of everything below
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Any, Any] | None = None
        self._reader: threading.Thread | None = None
        self._ended = False  # this run has told its end
        self._runs_by_now = False  # its script, past what it loads
        self.spare = Spare(loads)
        self._reset: Message | None = None
        self._renewing = False
        self._later: list[Message] = []  # asked while it was begun anew: meant for the new run
        self._passed_on = False  # a Ctrl-C
        self.code = 0
        self.lesson = False  # the script is ours: an interrupt ends it without a traceback

    # -- what a page asks for -------------------------------------------------------------------

    def ask(self, request: Message) -> bool:
        """Hand a request to the script; a reset is done here."""
        if request["verb"] == "reset":
            self._reset = request
            return True
        with self._lock:
            if (self._reset is not None or self._renewing) and request["verb"] in GOING:
                self._later.append(request)
                return True
            connection = self._connection
            if connection is None or self._ended:
                words = "the script has ended: reset runs it again"
                self.post("ack", {"id": request["id"], "refused": words})
                return True
            return self._send(connection, json.dumps(request).encode())

    # -- what it tells --------------------------------------------------------------------------

    def post(self, kind: str, fields: Message) -> None:
        """Tell something that the script did not tell itself."""
        with self._lock:
            seq = self.ring.last + 1
            line = encode({"v": VERSION, "seq": seq, "kind": kind} | fields)
            self._keep(seq, kind, line)
            self._flush()

    def _keep(self, seq: int, kind: str, line: bytes) -> None:
        self._ended = kind == "end" or (self._ended and kind != "hello")
        self._runs_by_now = self._runs_by_now or kind in ("state", "moment", "iteration", "end")
        self.ring.write(kind, line, seq=seq)
        if self._tape is not None:
            self._tape.write(line)

    def _flush(self) -> None:
        if self._tape is not None:
            self._tape.flush()

    def _read(self, connection: Connection[Any, Any]) -> None:
        try:
            while True:
                lines = connection.recv_bytes().split(b"\n")
                with self._lock:
                    for line in lines:
                        self._take(line)
                    self._flush()
        except (OSError, EOFError):
            return

    def _take(self, line: bytes) -> None:
        told = json.loads(line)
        if told["seq"] > self.ring.last:
            self._keep(told["seq"], told["kind"], line)

    # -- a run ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Run the script from its start."""
        self.runs += 1
        started_by, given = self._command()
        begun = self.spare.take(started_by, given)
        self._ended = self._runs_by_now = False
        contact = Contact(
            started_by, f"run-{self.runs}", self.ring.last, self._seed, self._new_seed,
            self._speed, self._module, self.lesson,
        )  # fmt: skip
        self._process = begun.process
        connection = begun.connection()
        if connection is not None:
            self._send(connection, contact.text())  # before any request
            self._reader = threading.Thread(target=self._read, args=(connection,), daemon=True)
            self._reader.start()
        self._connection = connection

    def _command(self) -> tuple[list[str], dict[str, str]]:
        """What begins a process for the script, and what is other in its environment."""
        seed = os.environ.get("PYTHONHASHSEED", str(self._seed))
        return command(self._target, self._arguments), {"PYTHONHASHSEED": seed}

    def _send(self, connection: Connection[Any, Any], text: bytes) -> bool:
        try:
            connection.send_bytes(text)
        except (OSError, ValueError):
            return False
        return True

    def watch(self, interrupted: Callable[[], int], stays: Callable[[], bool]) -> int:
        """Wait for the end of the script, and for a page that asks for it again.

        Args:
            interrupted: how often Ctrl-C was pressed.
            stays: somebody looks on, so that the page is kept when the script is over.

        Returns:
            The exit code: the script's own, or 130 after Ctrl-C while it ran.
        """
        pressed_at = 0.0
        while True:
            process = self._process
            assert process is not None
            code = process.poll()
            if self._reset is not None:
                self._again(self._reset)
            elif code is not None and not self._over(code):
                self._tell_end(code)
            elif interrupted():
                # A script that had ended by itself before may only have to close down.
                pressed_at = pressed_at or (math.inf if self._ended else time.monotonic())
                self._pass_on(process, time.monotonic() - pressed_at, interrupted())
                if self._wait(process, 0.1):
                    self._tell_end(process.returncode)
                    return self.code if pressed_at == math.inf else 130
            elif code is not None and not stays():
                return self.code
            else:
                if self._runs_by_now:  # not while it loads itself
                    self.spare.lay_in(*self._command())
                self._wait(process, 0.05) if code is None else time.sleep(0.05)

    def _over(self, code: int) -> bool:
        return self._connection is None and self._ended

    def _pass_on(self, process: subprocess.Popen[bytes], seconds: float, times: int) -> None:
        if times > 1:
            process.terminate()
        elif seconds > LATE and self._connection is not None and not self._passed_on:
            self._passed_on = True
            with self._lock:
                self._send(self._connection, b'{"verb":"interrupt"}')

    def _wait(self, process: subprocess.Popen[bytes], seconds: float) -> bool:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _tell_end(self, code: int) -> None:
        """The script's process has ended: hear its last words, or say what they would have been."""
        if self._reader is not None:
            self._reader.join(timeout=2)
        self._hang_up()
        self.code = _exit_code(code)
        words = f"the process ended by signal {-code}" if code < 0 else "the process ended"
        self._post_end("interrupted" if code == 130 else "failed", words, self.code)

    def _post_end(self, reason: str, words: str, code: int | None) -> None:
        """Say what the script has not said itself."""
        if not self._ended:
            self.post("end", {"reason": reason, "message": words, "exit_code": code})

    def _hang_up(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = self._reader = None

    def _again(self, request: Message) -> None:
        with self._lock:
            self._renewing, self._reset = True, None
        self.stop()
        applied: Message = {"verb": request["verb"]}
        if (seed := request.get("value")) is not None and request["verb"] == "reset":
            self._seed, self._new_seed = int(seed), True
            applied["value"] = self._seed
        with self._lock:
            self.post("ack", {"id": request["id"], "applied": applied})
            self._post_end("reset", "", None)
        self.start()
        with self._lock:
            self._renewing = False
            later, self._later = self._later, []
            for one in later:
                self.ask(one)

    def close(self) -> None:
        """End the script's process, and what was laid in for the next run."""
        self.stop()
        if self._process is not None:  # after SIGTERM: a record has an end, too
            code = _exit_code(self._process.returncode)
            self._post_end("interrupted", "the command was ended", code)
        self.spare.close()

    def stop(self) -> None:
        """End the script's process."""
        process, reader = self._process, self._reader
        if process is not None:
            end(process)
        if reader is not None:
            reader.join(timeout=2)
        self._hang_up()


def _exit_code(code: int) -> int:
    """As a shell tells it: 128 and the number of the signal."""
    return 128 - code if code < 0 else code
