"""A script from its start to its end, on a stage."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from fivestep.doctor import Doctor
from fivestep.finding import Finding
from fivestep.listen.script import Outcome, run
from fivestep.page.control import Control
from fivestep.page.findings import Findings
from fivestep.page.printed import overheard
from fivestep.page.protocol import Message, versions
from fivestep.page.stage import SHARE, Stage

Post = Callable[[str, Message], int]
REASONS = {0: "finished", 130: "interrupted"}


class Attendant(Doctor):
    """A doctor with a stage around its ears."""

    def __init__(self, stage: Stage) -> None:
        super().__init__((), ())
        self._stage = stage

    def start(self) -> Self:
        """Begin to listen, the stage around it."""
        self._stage.open_early()
        super().start()
        self._stage.open()
        return self

    def stop(self) -> None:
        """Stop listening."""
        self._stage.close()
        super().stop()


def perform(
    target: str,
    arguments: list[str],
    post: Post,
    control: Control,
    *,
    run_id: str,
    clock: Callable[[], float] = time.perf_counter,
    share: float = SHARE,
) -> Outcome:
    """Run a script as Python would, held and told as a page asks.

    Args:
        target: the script.
        arguments: its own.
        post: takes a kind and the fields of a message; returns its number.
        control: who holds the loop.
        run_id: names this run.
        clock: seconds.
        share: of the time, for details that nobody asked for.

    Raises:
        FileNotFoundError: there is no such script.
    """
    stage = Stage(post, control, clock=clock, share=share)
    doctor = Attendant(stage)
    scenes = stage.scenes
    scenes.root(Path(target).resolve().parent)
    post("hello", _greeting(target, arguments, run_id, stage))
    stage.findings = Findings(doctor, post, lambda one: _points_at(one, stage), scenes.name)
    with overheard(post):
        outcome = run(doctor, target, arguments, module=False)
    post("end", _ending(outcome))
    return outcome


def _greeting(target: str, arguments: list[str], run_id: str, stage: Stage) -> Message:
    return {
        "run": run_id,
        "script": Path(target).name,
        "arguments": arguments,
        "sources": stage.scenes.sources(target),
        "versions": versions(),
        "mode": "live",
        "knobs": stage.knobs.describe(),
    }


def _points_at(finding: Finding, stage: Stage) -> int:
    """The last moment of the step that the finding's rule is about; failing that, the last."""
    digit = int(finding.code[2])
    step = ("", "forward", "loss", "zero_grad", "backward", "update", "")[digit]
    return stage.scenes.latest.get(step, stage.scenes.last)


def _ending(outcome: Outcome) -> Message:
    error = outcome.error
    words = "" if error is None else f"{type(error).__name__}: {error}"[:1000]
    reason = REASONS.get(outcome.code, "failed")
    return {"reason": reason, "message": words, "exit_code": outcome.code}
