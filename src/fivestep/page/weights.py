"""The parameters as a page shows them: first elements, gradient and norms, before and after."""
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from fivestep.page.protocol import number
from fivestep.page.values import class_name, first
from fivestep.vitals.graphs import walk
from fivestep.vitals.measure import measurable, quietly

SHOWN = 8  # parameters
ELEMENTS = 6  # of each
LAYERS = 64  # rows of the strip

Named = list[tuple[str, torch.Tensor]]


class Weights:
    """The parameters of the models that were seen to train."""

    def __init__(self) -> None:
        self._last: dict[int, weakref.ref[nn.Module]] = {}  # of the iteration before
        self._now: dict[int, weakref.ref[nn.Module]] = {}
        self._optimizers: dict[int, weakref.ref[Any]] = {}
        self._before: dict[str, torch.Tensor] = {}
        self._busy: Callable[[], Any] = lambda: None  # whose parameters are cleared or moved now
        self._leaves: list[weakref.ref[torch.Tensor]] = []

    def model(self, model: nn.Module) -> None:
        """A model takes part in this iteration."""
        if id(model) not in self._now:
            self._now[id(model)] = weakref.ref(model)

    def optimizer(self, optimizer: Any) -> None:
        """An optimizer is at work: it may hold parameters that are in no model."""
        if id(optimizer) not in self._optimizers:
            self._optimizers[id(optimizer)] = weakref.ref(optimizer)

    def works_on(self, owner: Any) -> None:
        """An optimizer or a model is cleared or moved: of several, show this one's first."""
        self._busy = weakref.ref(owner)  # of an iteration that nobody is told of no more is asked

    def loss(self, loss: torch.Tensor) -> None:
        """Where neither a model nor an optimizer is known, what the loss depends on is shown."""
        if not (self._last or self._now or self._optimizers) and loss.requires_grad:
            found = walk(loss, lambda _: -1, saved=False).leaves
            self._leaves = [weakref.ref(one) for one in dict.fromkeys(found)]

    def takes_part(self, model: nn.Module) -> bool:
        """Tell whether a model took part in this iteration or the one before."""
        known = (self._last.get(id(model)), self._now.get(id(model)))
        return any(one is not None and one() is model for one in known)

    def turn(self) -> None:
        """An iteration is over: a model that takes no part any more is shown no more."""
        if self._now:
            self._last, self._now = self._now, {}

    def named(self) -> Named:
        """All of them, each once. Not to be kept: it would keep the models, too."""
        models = [one() for one in {**self._last, **self._now}.values()]
        alive = [one for one in models if one is not None]
        seen: set[int] = set()
        found: Named = []
        for place, model in enumerate(alive, start=1):
            prefix = f"{class_name(type(model))} {place}: " if len(alive) > 1 else ""
            for name, tensor in nn.Module.named_parameters(model):
                if id(tensor) not in seen:
                    seen.add(id(tensor))
                    found.append((prefix + name, tensor))
        found = found or self._loose()
        owner = self._busy()
        held = nn.Module.parameters(owner) if isinstance(owner, nn.Module) else held_by(owner)
        busy = frozenset(id(one) for one in held)
        if any(id(tensor) in busy for _, tensor in found):
            found.sort(key=lambda one: id(one[1]) not in busy)
        return found

    def layer(self, parameter: torch.Tensor) -> str:
        """The layer that a parameter belongs to, as a person would name it; "" if it is none."""
        for one in {**self._last, **self._now}.values():
            model = one()
            for name, module in nn.Module.named_modules(model) if model is not None else ():
                if any(parameter is own for own in module._parameters.values()):
                    kind = class_name(type(module))
                    return f"layer {name} ({kind})" if name else f"the model ({kind})"
        return ""

    def _loose(self) -> Named:
        """Tensors of the script's own, where there is no model."""
        alive = [one() for one in self._optimizers.values()]
        tensors = [tensor for one in alive if one is not None for tensor in held_by(one)]
        tensors = tensors or [tensor for one in self._leaves if (tensor := one()) is not None]
        return [(f"parameter {place}", one) for place, one in enumerate(tensors, start=1)]

    # -- an update ------------------------------------------------------------------------------

    def remember(self) -> None:
        """An update begins: keep what is compared with afterwards."""
        with quietly():
            self._before = {
                name: tensor.detach().clone()
                for name, tensor in self.named()[:LAYERS]
                if measurable(tensor)
            }

    @property
    def remembered(self) -> bool:
        """What was before this update is known."""
        return bool(self._before)

    def forget(self) -> None:
        """The update is over and told."""
        self._before = {}

    def layers(self) -> list[list[Any]]:
        """For each parameter the logarithm of its update to its weight."""
        rows: list[list[Any]] = []
        with quietly():
            for name, tensor in self.named()[:LAYERS]:
                then = self._before.get(name)
                if then is not None:
                    rows.append([name, _ratio(then, tensor.detach())])
        return rows

    def gradient_norm(self) -> float | None:
        """The norm of all gradients together."""
        with quietly():
            gradients = [one.grad for _, one in self.named() if one.grad is not None]
            gradients = [one.detach() for one in gradients if measurable(one)]
            if not gradients:
                return None
            return math.hypot(*(float(torch.linalg.vector_norm(one)) for one in gradients))

    def told(self, *, rates: dict[int, Any], updated: bool = False) -> list[dict[str, Any]]:
        """The first of them, as a moment tells them, each with its own rate."""
        with quietly():
            return [
                self._one(name, tensor, updated) | {"rate": rates.get(id(tensor))}
                for name, tensor in self.named()[:SHOWN]
            ]

    def _one(self, name: str, tensor: torch.Tensor, updated: bool) -> dict[str, Any]:
        then = self._before.get(name, tensor) if updated else tensor
        gradient = tensor.grad
        return {
            "name": name,
            "shape": list(tensor.shape),
            "before": _numbers(then) or [],
            "gradient": None if gradient is None else _numbers(gradient),
            "after": _numbers(tensor) if updated else None,
            "moved": _moved(then, tensor) if updated else None,
            "grain": _grain(tensor) if updated else None,
            "norm": _norm(tensor),
            "gradient_norm": None if gradient is None else _norm(gradient),
        }


def held_by(optimizer: Any) -> list[torch.Tensor]:
    """The parameters of an optimizer; none of what is gone."""
    groups = () if optimizer is None else optimizer.param_groups
    return [one for group in groups for one in group["params"]]


def _numbers(tensor: torch.Tensor) -> list[Any] | None:
    found = first(tensor, ELEMENTS)
    return None if found is None else [number(one) for one in found]


def _moved(then: torch.Tensor, now: torch.Tensor) -> list[Any] | None:
    """By how much: six digits of a weight are too few to see a small update in."""
    before, after = first(then, ELEMENTS), first(now, ELEMENTS)
    if before is None or after is None:
        return None
    return [number(b - a) for a, b in zip(before, after, strict=True)]


def _grain(tensor: torch.Tensor) -> Any:
    """The rounding of its numbers, as a share of them."""
    return number(torch.finfo(tensor.dtype).eps) if tensor.is_floating_point() else None


def _norm(tensor: torch.Tensor) -> Any:
    if not measurable(tensor) or not tensor.is_floating_point():
        return None
    return number(float(torch.linalg.vector_norm(tensor.detach())))


def _ratio(then: torch.Tensor, now: torch.Tensor) -> Any:
    weight = float(torch.linalg.vector_norm(then))
    moved = float(torch.linalg.vector_norm(now - then))
    if not weight or not moved or not math.isfinite(moved / weight):
        return None
    return number(math.log10(moved / weight))
