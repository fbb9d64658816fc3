"""The hand-written loop, which everything is compared with, and fivestep's own."""

from __future__ import annotations

import atexit
import os
import subprocess
from contextlib import redirect_stderr
from functools import cache
from importlib import import_module
from typing import Any, TextIO

from fivestep import fit, train
from works import Job


def by_hand(job: Job) -> None:
    model, loss_fn, optimizer, batches = job
    for inputs, targets in batches:
        prediction = model(inputs)
        loss = loss_fn(prediction, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def with_train(job: Job) -> None:
    for _ in train(*job):
        pass


def with_fit(job: Job) -> None:
    fit(*job, epochs=1, progress=False)


def with_fit_unwatched(job: Job) -> None:
    fit(*job, epochs=1, progress=False, watch=False)


def with_fit_lines(job: Job) -> None:
    fit(*job, epochs=1)


def with_fit_live(job: Job) -> None:
    with redirect_stderr(terminal()):
        fit(*job, epochs=1)


@cache
def terminal() -> TextIO:
    """Open a pseudo-terminal whose output another process reads, so that it costs nothing here."""
    pty: Any = import_module("pty")  # ImportError where there are none: Windows
    ours, theirs = pty.openpty()
    reader = subprocess.Popen(
        ["cat"], stdin=ours, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(ours)
    stream = os.fdopen(theirs, "w")
    atexit.register(lambda: (stream.close(), reader.wait()))
    return stream
