"""A loop by hand whose steps stand in any order, and a stage around it that a test steers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from fivestep.page.control import Control
from fivestep.page.perform import Attendant
from fivestep.page.protocol import VERSION, Message
from fivestep.page.stage import Stage

Weights = list[torch.Tensor]
Item = str | tuple[str, Any]
SGD = "sgd"
ADAM = "adam"
ITERATIONS = 8


class Steered(Control):
    """Asks for one thing after the other, whenever the loop waits; then lets it go on."""

    def __init__(self, plan: Sequence[Item]) -> None:
        super().__init__(paused=bool(plan))
        self.plan = list(plan)
        self.count = 0

    def hold(self, answer: Callable[[], None], *, slowed: bool = True) -> None:
        while self.paused:
            self.count += 1
            item = self.plan.pop(0) if self.plan else "play"
            self.ask({"id": str(self.count)} | request(item))
            answer()


def request(item: Item) -> Message:
    if isinstance(item, str):
        return {"verb": item}
    name, value = item
    if name == "speed":
        return {"verb": "speed", "value": value}
    return {"verb": "knob", "name": name, "value": value}


class Told(list[Message]):
    """The messages of a run."""

    def post(self, kind: str, fields: Message) -> int:
        self.append({"v": VERSION, "seq": len(self) + 1, "kind": kind} | fields)
        return len(self)

    def of(self, kind: str) -> list[Message]:
        return [one for one in self if one["kind"] == kind]

    def steps(self, iteration: int) -> list[str]:
        return [one["step"] for one in self.of("moment") if one["iteration"] == iteration]


def staged(loop: Callable[[], Any], plan: Sequence[Item], **options: Any) -> tuple[Any, Told]:
    """Run a loop on a stage; return its result and what was told of it."""
    told = Told()
    control = options.pop("control", None) or Steered(plan)
    with Attendant(Stage(told.post, control, **options)):
        result = loop()
    warnings = [one["text"] for one in told.of("note") if one["level"] == "warning"]
    assert not warnings, warnings
    return result, told


def by_hand(
    order: Callable[[int], str],
    *,
    make: str = SGD,
    before: Callable[[int, nn.Module, Any], None] = lambda i, model, optimizer: None,
    clip: Callable[[int], float | None] = lambda i: None,
    evaluated: Callable[[int], bool] = lambda i: False,
    iterations: int = ITERATIONS,
) -> Weights:
    """Train with the steps in an order for each iteration: F, L, Z, B, U; return the weights."""
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 1))
    x, y = torch.randn(12, 4), torch.randn(12, 1)
    optimizer: Any = (
        torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.8)
        if make == SGD
        else torch.optim.Adam(model.parameters(), lr=0.02)
    )
    prediction = loss = torch.zeros(())
    for i in range(1, iterations + 1):
        before(i, model, optimizer)
        for step in order(i):
            if step == "F":
                if evaluated(i):
                    model.eval()
                prediction = model(x)
                model.train()
            elif step == "L":
                loss = functional.mse_loss(prediction, y)
            elif step == "Z":
                optimizer.zero_grad()
            elif step == "B":
                loss.backward()
            elif step == "U":
                if (limit := clip(i)) is not None:
                    torch.nn.utils.clip_grad_norm_(model.parameters(), limit)
                optimizer.step()
    return [one.detach().clone() for one in model.parameters()]


def equal(one: Weights, other: Weights) -> bool:
    """To the last bit."""
    return all(a.equal(b) for a, b in zip(one, other, strict=True))
