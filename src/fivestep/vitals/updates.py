"""The numbers of one update: length and direction of weights, gradient and change."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from fivestep.vitals.events import Norm, Update
from fivestep.vitals.holding import Holding
from fivestep.vitals.measure import Later, measurable, norms, piece, rows_alike, units_alike
from fivestep.vitals.record import ParameterFacts
from fivestep.vitals.registry import Registry

ELEMENTS = 16_000_000  # copied for one detailed update, no more
GATES = {"LSTM": 4, "LSTMCell": 4, "GRU": 3, "GRUCell": 3}  # one below the other in a weight
DIRECTION = 1_000_000  # elements of a gradient that are kept to compare with the next


class Before(NamedTuple):
    """The weights as they were, and the gradients (None for a closure: they come later)."""

    parameters: list[torch.Tensor]
    copies: list[torch.Tensor]
    gradients: list[torch.Tensor | None] | None


def before_update(optimizer: Any, who: Registry, closure: bool) -> Before | None:
    """Copy the weights (16 million elements at most, 65,536 of each)."""
    parameters: list[torch.Tensor] = []
    room = ELEMENTS
    for group in optimizer.param_groups:
        for one in group["params"]:
            room -= min(one.numel(), 65_536)
            if room > 0 and one.numel() and measurable(one) and one.is_floating_point():
                parameters.append(one)
    if not parameters or len({one.device for one in parameters}) > 1:
        return None
    copies = [piece(one).clone() for one in parameters]
    for one in parameters:
        facts = who.record.parameters[who.parameter(one)]
        if facts.equal_rows and facts.alike == facts.updates:  # symmetric until now
            facts.alike += units_alike(one, facts.initial, GATES.get(facts.owner, 1))
        if _constant(facts) and one.dim() == 2 and facts.columns == facts.updates:
            facts.columns += rows_alike(one.t(), facts.initial)
    return Before(parameters, copies, None if closure else gradients_of(parameters))


def _constant(facts: ParameterFacts) -> bool:
    return facts.initial is not None and facts.initial[0] == facts.initial[1]


def gradients_of(parameters: list[torch.Tensor]) -> list[torch.Tensor | None]:
    """A copy of the gradients' pieces (an optimizer may write into them)."""
    found: list[torch.Tensor | None] = []
    for one in parameters:
        gradient = one.grad
        if gradient is None or type(gradient) is not torch.Tensor:
            found.append(None)
        else:
            found.append(
                piece(gradient.coalesce().values() if gradient.is_sparse else gradient).clone()
            )
    return found


def after_update(
    event: Update, before: Before, optimizer: Any, holding: Holding, who: Registry, later: Later
) -> None:
    """Measure the change and write it into the event and the coverage of the parameters."""
    parameters, copies, gradients = before
    gradients = gradients if gradients is not None else gradients_of(parameters)
    with_gradient = [one for one in gradients if one is not None]
    changes = [piece(one) - copy for one, copy in zip(parameters, copies, strict=True)]
    lengths = torch.cat(
        [norms(copies), norms(changes), *([norms(with_gradient)] if with_gradient else [])]
    )
    numbers = [who.parameter(one) for one in parameters]

    def keep(values: Any) -> None:
        _write(event, numbers, [one is not None for one in gradients], values, who)

    later.read(lengths, keep)
    _compare_directions(event, with_gradient, holding, later)


def _write(event: Update, numbers: list[int], has: list[bool], values: Any, who: Registry) -> None:
    count = len(numbers)
    rest = iter(values[2 * count :])
    found: list[Norm] = []
    for place, number in enumerate(numbers):
        gradient = float(next(rest)) if has[place] else None
        norm = Norm(number, float(values[place]), gradient, float(values[count + place]))
        found.append(norm)
        facts = who.record.parameters[number]
        facts.updates += 1
        facts.graded += gradient is not None
        facts.nonzero += bool(gradient)
        facts.moved += norm.update != 0
    event.norms = tuple(found)
    event.weight_norm = float((values[:count] ** 2).sum() ** 0.5)
    event.update_norm = float((values[count : 2 * count] ** 2).sum() ** 0.5)
    event.gradient_norm = float((values[2 * count :] ** 2).sum() ** 0.5)


def _compare_directions(
    event: Update, gradients: list[torch.Tensor], holding: Holding, later: Later
) -> None:
    known, holding.direction = holding.direction, None
    if not gradients or sum(one.numel() for one in gradients) > DIRECTION:
        return
    flat = torch.cat([one.float() for one in gradients])
    holding.direction = (holding.updates, flat, 0.0)
    if known is None or known[0] != holding.updates - 1 or known[1].shape != flat.shape:
        return
    last = known[1]
    cosine = torch.dot(flat, last) / (flat.norm() * last.norm()).clamp_min(1e-30)
    later.read(cosine.reshape(1), lambda values: setattr(event, "cosine", float(values[0])))
