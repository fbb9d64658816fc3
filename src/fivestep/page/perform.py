"""A script from its start to its end, on a stage."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from fivestep.doctor import Doctor
from fivestep.finding import Finding
from fivestep.listen.script import Outcome, run
from fivestep.page.control import Control
from fivestep.page.findings import Findings
from fivestep.page.modules import found
from fivestep.page.printed import overheard
from fivestep.page.protocol import Message, versions
from fivestep.page.purse import SHARE
from fivestep.page.seeds import reseeded
from fivestep.page.stage import Stage

Post = Callable[[str, Message], int]
UNHEARD = (
    "it ended without a forward, a loss, a backward or an update of PyTorch in its own process\n"
    "  do: name the script that trains, with the arguments that make it train"
)
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
    module: bool = False,
    seed: int | None = None,
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
        module: the target is the name of a module, as after ``python -m``.
        seed: a new one, that changes also what the script seeds itself.
        clock: seconds.
        share: of the time, for details that nobody asked for.

    Raises:
        FileNotFoundError: there is no such script.
    """
    file = found(target) if module else target
    stage = Stage(post, control, clock=clock, share=share)
    doctor = Attendant(stage)
    scenes = stage.scenes
    scenes.root(Path.cwd() if module else Path(target).resolve().parent)
    post("hello", _greeting(target, file, arguments, run_id, stage) | {"seed": seed})
    stage.findings = Findings(doctor, post, lambda one: points_at(one, stage), scenes.name)
    with reseeded(seed, post), overheard(post):
        outcome = run(doctor, target, arguments, module=module)
    if outcome.code == 0 and not stage.rounds.iteration:
        _say_unheard(Path(file).name if file == target else f"-m {target}", post)
    post("end", _ending(outcome))
    return outcome


def _say_unheard(script: str, post: Post) -> None:
    """An empty page says nothing of why it is empty."""
    words = f"no training step was heard in {script}: {UNHEARD}"
    post("note", {"text": words.replace("\n  do: ", "; do: "), "level": "warning"})
    print(f"fivestep: {words}", file=sys.stderr, flush=True)  # noqa: T201


def _greeting(
    target: str, file: str, arguments: list[str], run_id: str, stage: Stage
) -> Message:  # fmt: skip
    return {
        "run": run_id,
        "script": Path(file).name if file == target else f"-m {target}",
        "arguments": arguments,
        "sources": stage.scenes.sources(file) if file else [],
        "versions": versions(),
        "mode": "live",
        "knobs": stage.knobs.describe(),
    }


def points_at(finding: Finding, stage: Stage) -> int:
    """The last moment of the step that the finding's rule is about; failing that, the last."""
    digit = int(finding.code[2])
    step = ("", "forward", "loss", "zero_grad", "backward", "update", "")[digit]
    return stage.scenes.latest.get(step, stage.scenes.last)


def _ending(outcome: Outcome) -> Message:
    error = outcome.error
    words = "" if error is None else f"{type(error).__name__}: {error}".removesuffix(": ")[:1000]
    reason = REASONS.get(outcome.code, "failed")
    return {"reason": reason, "message": words, "exit_code": outcome.code}
