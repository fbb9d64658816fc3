"""The line of a model, or the areas it decides for, over where its data lie."""
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fivestep.page.judging import BETWEEN, LOGITS, PROBABILITIES
from fivestep.page.points import Points
from fivestep.page.protocol import number
from fivestep.page.trial import ask

ALONG, ACROSS = 81, 41  # places of a line; along each side of an area
MOST_CLASSES = 12


@dataclass
class Form:
    """What kind of picture it is.

    Args:
        shape: ``line``, ``classes`` or ``field``.
        shows: ``prediction``, ``probability`` or ``class``.
        features: of an input.
        outputs: numbers of an answer.
        parted: where one class ends and the other begins, for an answer of one number.
        classes: the targets of ``classes``.
        loss: its name.
        between: what the script does to an answer before the loss, one of ``BETWEEN``.
    """

    shape: str
    shows: str
    features: int
    outputs: int
    parted: float | None = None
    classes: tuple[float, ...] = ()
    loss: str = ""
    between: str = ""

    def goes_with(self, other: Form) -> bool:
        """Tell whether both are pictures of the same model and loss."""
        return (self.features, self.outputs) == (other.features, other.outputs)

    def grown(self, points: Points) -> Form:
        """The form, as all points say it: a batch alone may have had only two targets."""
        assert points.inputs is not None
        assert points.targets is not None
        output = torch.empty(len(points), self.outputs)
        return form_of(points.inputs, output, points.targets, self.loss, self.between) or self

    def told(self) -> dict[str, Any]:
        """As a message has it."""
        return {
            "shape": self.shape, "shows": self.shows,
            "classes": [number(one) for one in self.classes],
            "parted": number(self.parted),
        }  # fmt: skip


def form_of(
    inputs: Tensor, output: Tensor, targets: Tensor, loss: str, between: str
) -> Form | None:
    """What can be drawn of such a model; None if nothing can."""
    features = inputs.shape[1] if inputs.dim() == 2 else 1
    outputs = output.shape[1] if output.dim() == 2 else 1
    single = targets.dim() == 1 or targets.shape[1] == 1
    if output.dim() > 2:
        return None
    if outputs > 1:
        if features == 1 or outputs > MOST_CLASSES or not _names_classes(targets, outputs):
            return None
        classes = tuple(float(i) for i in range(outputs))
        return Form("classes", "class", 2, outputs, None, classes, loss, between)
    return _of_one_number(features, _few(targets), loss, between) if single else None


def _of_one_number(
    features: int, values: tuple[float, ...], loss: str, between: str
) -> Form | None:
    binary = loss in LOGITS | PROBABILITIES
    shows = "probability" if binary else "prediction"
    if features == 1:
        return Form("line", shows, 1, 1, None, (), loss, between)
    if binary or len(values) == 2:
        parted = 0.5 if binary else sum(values) / 2
        classes = values if len(values) == 2 else (0.0, 1.0)
        return Form("classes", shows, 2, 1, parted, classes, loss, between)
    return Form("field", shows, 2, 1, None, (), loss, between)


def _names_classes(targets: Tensor, outputs: int) -> bool:
    if targets.dim() == 2 and targets.shape[1] == outputs:
        return True
    whole = not targets.dtype.is_floating_point
    return whole and targets.dim() == 1 and int(targets.max()) < outputs


def _few(targets: Tensor) -> tuple[float, ...]:
    """The two whole numbers that the targets are; () if they are more."""
    found = sorted(set(targets.reshape(-1).tolist()))
    whole = all(math.isfinite(one) and one == int(one) for one in found)
    return tuple(float(one) for one in found) if whole and len(found) <= 2 else ()


def fitted(model: nn.Module, points: Points, form: Form) -> dict[str, Any]:
    """The fields of a message. Inside of ``trial``."""
    spans = points.span()
    if form.features == 1:
        xs = _places(spans[0], ALONG)
        ys = _answers(model, points, form, [[x] for x in xs])
        return {"xs": [number(x) for x in xs], "ys": [number(y) for y in ys]}
    xs, ys = _places(spans[0], ACROSS), _places(spans[1], ACROSS)
    values = _answers(model, points, form, [[x, y] for y in ys for x in xs])
    told = [number(float(f"{one:.3g}")) for one in values]
    rows = [told[i : i + ACROSS] for i in range(0, len(told), ACROSS)]
    return {"x": [number(x) for x in xs], "y": [number(y) for y in ys], "values": rows}


def _answers(model: nn.Module, points: Points, form: Form, rows: list[list[float]]) -> list[float]:
    assert points.inputs is not None
    inputs = torch.tensor(rows, dtype=points.inputs.dtype, device=points.inputs.device)
    output = ask(model, inputs.reshape(-1, *points.inputs.shape[1:]))
    if form.outputs > 1:
        return output.argmax(dim=1).tolist()
    change = "sigmoid" if form.loss in LOGITS else form.between
    flat = BETWEEN[change](output).reshape(-1).to("cpu", torch.float64)
    if len(flat) != len(rows):
        raise ValueError(f"{len(flat)} answers to {len(rows)} questions")
    return flat.tolist()


def _places(span: tuple[float, float], count: int) -> list[float]:
    low, high = span
    return [low + (high - low) * i / (count - 1) for i in range(count)]
