"""Why the loss of a batch is not the mean of its samples' losses, in words."""

from __future__ import annotations

import math

import torch

from fivestep.proofs.bench.condition import scale
from fivestep.proofs.bench.influence import influenced
from fivestep.proofs.bench.workbench import Workbench, counter, quiet
from fivestep.proofs.words import told_apart

CLOSE = 1e-6  # of the loss: these are sums of few numbers, told apart by factors


def why_not_a_mean(bench: Workbench) -> tuple[str, str]:
    """The likely cause and what to do, from the losses of the samples one by one."""
    coupled = influenced(bench)
    if coupled is not None:
        return (
            f"the samples of a batch influence each other, first in {coupled}",
            "see samples-apart",
        )
    whole, parts, items = _losses(bench)
    near = CLOSE * scale(bench, wide=not bench.narrow).loss
    total = math.fsum(parts)
    if abs(whole - total) <= near < abs(total) and len(parts) > 1:
        return (
            f"the loss adds up over its samples: {whole:.6g} for {len(parts)} of them, and one by "
            f"one they come to {total:.6g}. It is a sum, perhaps divided by a constant, and was "
            "taken for the mean",
            "divide by the number of samples in the batch, prediction.shape[0]; or, if the sum is "
            'meant, set loss_fn.reduction = "sum", as torch\'s own losses call it',
        )
    count = math.fsum(items)
    mean = math.fsum(one * item for one, item in zip(parts, items, strict=True)) / (count or 1)
    told = told_apart(whole, mean, digits=6)
    return (
        f"the loss of a batch ({told[0]}) is not the mean of its samples' losses, each weighed "
        f"by its items ({told[1]} over {count:g} items)",
        "say by items=lambda batch: ... how many items the loss is the mean of (tokens that are "
        "not masked, weights); a loss of the whole batch (contrastive, a root of a mean) is no "
        "mean and cannot be cut",
    )


def _losses(bench: Workbench) -> tuple[float, list[float], list[float]]:
    rows = bench.samples(wide=not bench.narrow).first(16)
    with bench.trial(wide=not bench.narrow) as trial, torch.no_grad():
        quiet(trial, norms=True)
        pairs = [rows.pair(slice(i, i + 1)) for i in range(rows.count)]
        items = [counter(trial)(*pair) for pair in pairs]
        counted = [i for i, count in enumerate(items) if count]
        parts = [float(trial.loss(*pairs[i])) for i in counted]
        whole = float(trial.loss(*rows.pair(slice(0, rows.count))))
    return whole, parts, [items[i] for i in counted]
