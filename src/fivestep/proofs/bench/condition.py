"""How large a gradient and a loss are to begin with: what their rounding is measured by."""

from __future__ import annotations

from typing import NamedTuple

import torch

from fivestep.proofs.bench.compare import differ
from fivestep.proofs.bench.trial import Trial
from fivestep.proofs.bench.workbench import Workbench, quiet

OF_GRADIENT = "the largest gradient, or what it changes per relative change of the weights"
OF_LOSS = "the loss, or what it changes per relative change of the weights"


class Scale(NamedTuple):
    """Sizes that a relative rounding error is a share of."""

    gradient: float
    loss: float


def scale(bench: Workbench, *, wide: bool) -> Scale:
    """Measure both at the weights, and again with each weight moved by a small share of itself.

    At a minimum the gradient is next to nothing, and its rounding is that of the large terms which
    cancel in it. How much it moves with the weights says how large they are.
    """
    return bench.once(f"scale {wide}", lambda: _scale(bench, wide=wide))


def _scale(bench: Workbench, *, wide: bool) -> Scale:
    rows = bench.samples(wide=wide)
    with bench.trial(wide=wide) as trial:
        quiet(trial, norms=True)
        pair = rows.pair(slice(0, rows.count))
        loss = trial.backward(*pair).double()
        gradients = trial.gradients()
        step = torch.finfo(trial.dtype).eps ** 0.5
        _move(trial, step)
        moved = trial.backward(*pair).double()
        change = differ(gradients, trial.gradients())
    largest = max((float(one.abs().max()) for one in gradients.values() if one.numel()), default=0)
    return Scale(
        max(largest, change.absolute / step),
        max(float(loss.abs()), float((moved - loss).abs()) / step),
    )


@torch.no_grad()
def _move(trial: Trial, step: float) -> None:
    generator = torch.Generator().manual_seed(0)
    for parameter in trial.parameters().values():
        if parameter.is_floating_point():
            signs = torch.randint(0, 2, parameter.shape, generator=generator) * 2 - 1
            parameter.mul_(1 + step * signs.to(parameter.device, parameter.dtype))
