"""Buffers that a forward in train mode changes, and computes with: the next one sees others.

The power iteration of ``spectral_norm`` is one: the same samples, weights and random numbers give
another loss the second time. Statistics that are only written, as BatchNorm's are, do not count.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fivestep.proofs.bench.compare import same_bits
from fivestep.proofs.bench.trial import Trial
from fivestep.proofs.bench.workbench import Workbench, quiet
from fivestep.randomness import seed_all


def restless(bench: Workbench) -> tuple[str, ...]:
    """Name the buffers that one forward leaves otherwise, so that the next gives another loss."""
    if not isinstance(bench.model, nn.Module):
        return ()
    with bench.trial(wide=not bench.narrow) as trial, torch.no_grad():
        quiet(trial, norms=True)
        before = _copies(trial)
        first, after = _loss(bench, trial), _copies(trial)
        changed = [name for name in before if not same_bits(before[name], after[name])]
        found: list[str] = []
        for name in changed:
            _put(trial, before | {name: after[name]})
            if not same_bits(first, _loss(bench, trial)):
                found.append(name)
    return tuple(found)


def said_of(names: tuple[str, ...]) -> str:
    """``the forward changes buffers that it computes with: 0.weight_v and 3 more``."""
    listed = ", ".join(names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"the forward changes buffers that it computes with: {listed}{more}"


def _loss(bench: Workbench, trial: Trial) -> Tensor:
    seed_all(bench.seed)
    rows = bench.samples(wide=not bench.narrow)
    return trial.loss(*rows.pair(slice(0, rows.count)))


def _copies(trial: Trial) -> dict[str, Tensor]:
    return {name: one.clone() for name, one in trial.model.named_buffers()}


def _put(trial: Trial, values: dict[str, Tensor]) -> None:
    """Set buffers by name: a forward may have put new tensors in their places."""
    for name, value in values.items():
        owner, _, leaf = name.rpartition(".")
        setattr(trial.model.get_submodule(owner), leaf, value.clone())
