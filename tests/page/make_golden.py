"""Make the golden traces: what the producer tells of a run, and what the page must be able to show.

    python tests/page/make_golden.py

Times are zero and versions are left out, so that the same code writes the same files. The page's
tests read them, and a test of the producer makes them again and compares.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import torch

from fivestep.page.control import Control
from fivestep.page.perform import perform
from fivestep.page.protocol import VERSION, Message, encode

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
STEPS = ["step"] * 6
KNOB = tuple[str, Any]
Plan = list[str | KNOB]

PLANS: dict[str, tuple[str, Plan]] = {
    "line": (
        "examples/line.py",
        [*STEPS, "iteration", ("lr", 0.5), *STEPS, ("lr", -1), "iteration", ("clip", 0.1),
         "iteration", ("clip", None), ("momentum", 0.5), "iteration", ("speed", 1000.0),
         "step", ("speed", None), ("eval_mode", True), "epoch", "play"],
    ),
    "digits": (
        "tests/page/scripts/digits.py",
        ["step", "iteration", ("skip_zero_grad", True), "iteration", "iteration",
         ("skip_zero_grad", False), ("zero_grad_at", "before update"), "iteration", *STEPS, "step",
         ("zero_grad_at", "as written"), "iteration", "epoch", "step", ("lr", 0.005),
         "play"],
    ),
}  # fmt: skip


class Scripted(Control):
    """A reader who asks for one thing after the other, whenever the loop waits."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = list(plan)
        self._count = 0

    def hold(self, answer: Callable[[], None], *, slowed: bool = True) -> None:
        while self.paused and self._plan:
            self._count += 1
            self.ask({"id": f"request-{self._count}"} | _request(self._plan.pop(0)))
            answer()


def _request(item: str | KNOB) -> Message:
    if isinstance(item, str):
        return {"verb": item}
    name, value = item
    if name == "speed":
        return {"verb": "speed", "value": value}
    return {"verb": "knob", "name": name, "value": value}


def trace(script: str, plan: Plan) -> list[Message]:
    """Run a script as the plan says; return all messages."""
    messages: list[Message] = []

    def post(kind: str, fields: Message) -> int:
        messages.append({"v": VERSION, "seq": len(messages) + 1, "kind": kind} | fields)
        return len(messages)

    torch.set_num_threads(1)
    with redirect_stdout(StringIO()):
        perform(
            script, [], post, Scripted(plan), run_id="golden", clock=lambda: 0.0, share=0.0
        )  # fmt: skip
    messages[0]["versions"] = dict.fromkeys(messages[0]["versions"], "golden")
    return messages


def main() -> None:
    os.chdir(ROOT)
    for name in sys.argv[1:] or list(PLANS):
        path = HERE / "golden" / f"{name}.jsonl"
        path.write_bytes(b"".join(encode(one) + b"\n" for one in trace(*PLANS[name])))
        print(path.relative_to(ROOT))  # noqa: T201


if __name__ == "__main__":
    main()
