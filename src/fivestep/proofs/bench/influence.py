"""Whether one sample of a batch changes what is predicted for another, and where it comes in."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from fivestep.convert import leaves
from fivestep.proofs.bench.compare import GROWTH, Difference, differ, worst
from fivestep.proofs.bench.rows import Rows, row
from fivestep.proofs.bench.trace import Call, culprit, traced
from fivestep.proofs.bench.trial import Trial
from fivestep.proofs.bench.workbench import Workbench, quiet

PROBES = 4  # samples whose prediction is looked at
ROWS = 8  # samples in the batch


class Influence(NamedTuple):
    """How far predictions moved with other samples, and the largest of them."""

    found: Difference
    kept: int  # the sample whose prediction moved most


def influences(bench: Workbench, *, wide: bool, norms: bool) -> Influence | None:
    """Keep one sample and make all others another one; None if no prediction has rows.

    All others become one and the same: a mean over the batch would not see them change places.
    """
    rows = bench.samples(wide=wide).first(ROWS)
    found: list[Influence] = []
    for kept in _probes(rows):
        with bench.trial(wide=wide) as trial, torch.no_grad():
            quiet(trial, norms=norms)
            before = _rows_of(trial, rows, torch.arange(rows.count), kept)
        with bench.trial(wide=wide) as trial, torch.no_grad():
            quiet(trial, norms=norms)
            after = _rows_of(trial, rows, _others_replaced(rows.count, kept), kept)
        if not before:
            return None
        found.append(Influence(worst(_nearest(before, after, kept)), kept))
    return max(found, key=lambda one: one.found.absolute)


def influenced(bench: Workbench) -> str | None:
    """Name what mixes the samples with BatchNorm in eval mode; None if nothing does."""
    wide = not bench.narrow
    if bench.rows.count < 2 or (found := influences(bench, wide=wide, norms=True)) is None:
        return None
    with bench.trial(wide=wide) as trial:
        allowed = torch.finfo(trial.dtype).eps * GROWTH * max(found.found.of, 1e-30)
    return mixer(bench, found.kept, wide=wide) if found.found.absolute > allowed else None


def mixer(bench: Workbench, kept: int, *, wide: bool, norms: bool = True) -> str:
    """Name the module in which a sample's values first depend on the others."""
    rows = bench.samples(wide=wide).first(ROWS)

    def calls(index: Tensor) -> list[Call]:
        with bench.trial(wide=wide) as trial, torch.no_grad():
            quiet(trial, norms=norms)
            inputs, _ = rows.pair(index)
            return traced(trial.model, lambda: trial.predict(inputs))

    def same(first: Tensor, second: Tensor) -> bool:
        if first.shape != second.shape:
            return False
        both = zip(row(first, kept, rows.count), row(second, kept, rows.count), strict=True)
        apart = [_close(one, other) for one, other in both]
        return any(apart) or not apart

    first = calls(torch.arange(rows.count))
    second = calls(_others_replaced(rows.count, kept))
    return culprit(first, second, same) or "what is done with the model's output"


def _close(first: Tensor, second: Tensor) -> bool:
    if not first.is_floating_point():
        return first.equal(second)
    found = differ({"": first}, {"": second})
    return found.absolute <= torch.finfo(first.dtype).eps * GROWTH * found.of


def _probes(rows: Rows) -> list[int]:
    return list(range(0, rows.count, max(1, rows.count // PROBES)))[:PROBES]


def _others_replaced(count: int, kept: int) -> Tensor:
    index = torch.full((count,), (kept + 1) % count)
    index[kept] = kept
    return index


def _rows_of(trial: Trial, rows: Rows, index: Tensor, kept: int) -> dict[str, list[Tensor]]:
    inputs, _ = rows.pair(index)
    found: Any = leaves(trial.predict(inputs), "prediction")
    readings = {name: row(leaf, kept, rows.count) for name, leaf in found}
    return {name: parts for name, parts in readings.items() if parts}


def _nearest(
    before: dict[str, list[Tensor]], after: dict[str, list[Tensor]], kept: int
) -> list[Difference]:
    """Of the readings of a folded output, the one in which the sample stands most still."""
    found: list[Difference] = []
    for name, readings in before.items():
        key = f"{name}, sample {kept}"
        pairs = zip(readings, after[name], strict=True)
        apart = [differ({key: one}, {key: other}) for one, other in pairs]
        found.append(min(apart, key=lambda one: one.absolute))
    return found
