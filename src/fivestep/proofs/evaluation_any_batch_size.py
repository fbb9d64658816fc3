"""The loss of an evaluation does not depend on the batch size.

The same samples are evaluated in batches of several sizes, most of them with a smaller last batch,
and the losses compared; so are the items that they are the means of.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from fivestep.evaluate import evaluate
from fivestep.proofs.bench.compare import Difference, rounded, worst
from fivestep.proofs.bench.condition import OF_LOSS, scale
from fivestep.proofs.bench.decompose import why_not_a_mean
from fivestep.proofs.bench.rows import pairs_of
from fivestep.proofs.bench.verdict import Measure, Shown, Verdict, judged, not_applicable
from fivestep.proofs.bench.workbench import Kind, Workbench, counter

CLAIM = "an evaluation gives the same in batches of any size"


def show(bench: Workbench) -> Shown:
    """Evaluate in batches of several sizes."""
    sizes = _sizes(bench)
    if len(sizes) < 2:
        return not_applicable("there is one sample only", "give more data")
    if bench.drawing:
        return not_applicable(
            f"the forward draws from {' and '.join(bench.drawing)} in eval mode too, and other "
            "batches draw other numbers"
        )
    losses = [one for kind in bench.kinds() for one in _losses(bench, kind, sizes)]
    shown = judged(*losses, _items(bench, sizes), notes=(*bench.notes(), *_no_means(losses)))
    if shown.verdict is Verdict.HOLDS:
        return shown
    cause, do = why_not_a_mean(bench)
    return Shown(
        verdict=Verdict.FAILS, measures=shown.measures, cause=cause, do=do, notes=shown.notes
    )


def _sizes(bench: Workbench) -> list[int]:
    """All at once first; then the user's own size and some that leave a smaller last batch."""
    count = bench.rows.count
    wanted = (count, bench.batch_size, count // 2 + 1, 7, 3, 1)
    return list(dict.fromkeys(size for size in wanted if size <= count))


def _losses(bench: Workbench, kind: Kind, sizes: list[int]) -> list[Measure]:
    rows = bench.samples(wide=kind.wide)
    with bench.trial(wide=kind.wide) as trial:
        found = {
            size: evaluate(
                trial.model, trial.loss_fn, rows.cut_evenly(size),
                items=trial.items, forward=trial.forward,
            )
            for size in sizes
        }  # fmt: skip
        dtype = trial.dtype
    whole = found[sizes[0]]
    size_of_loss = scale(bench, wide=kind.wide).loss

    def measure(name: str) -> Measure:
        apart = worst(
            _difference(f"{name} in batches of {size}", whole[name], values[name])
            for size, values in found.items()
        )
        what = f"{name} of {rows.count} samples at once with that in batches of"
        return rounded(
            f"{what} {_listed(sizes[1:])}", apart, dtype, scale=max(size_of_loss, apart.of),
            of_what=OF_LOSS, tolerance=bench.tolerance, decides=kind.decides and name == "loss",
        )  # fmt: skip

    return [measure(name) for name in whole]


def _no_means(measures: list[Measure]) -> Iterator[str]:
    """The other terms of a loss are told of: a maximum may be recorded, and is no mean."""
    names = [one.what.split(" of ")[0] for one in measures if not (one.decides or one.holds)]
    for name in dict.fromkeys(names):
        if name != "loss":
            yield f"{name} is no mean over samples, so it differs with the batch size"


def _items(bench: Workbench, sizes: list[int]) -> Measure:
    """The items that the mean is over, which have to be as many in any batches."""
    with bench.trial() as trial:
        count = counter(trial)
        found = {
            size: math.fsum(
                count(*pair) for pair in pairs_of(bench.rows.cut_evenly(size), bench.rows)
            )
            for size in sizes
        }
    whole = found[sizes[0]]
    apart = worst(
        _difference(f"items in batches of {size}", whole, one) for size, one in found.items()
    )
    return rounded(
        f"items of {bench.rows.count} samples with those in batches of {_listed(sizes[1:])}",
        apart, torch.float32, scale=whole, of_what="the items", tolerance=None,
    )  # fmt: skip


def _difference(where: str, first: float, second: float) -> Difference:
    if math.isnan(first) and math.isnan(second):
        return Difference(0.0, 0.0, where, True)
    apart = abs(first - second)
    return Difference(
        math.inf if math.isnan(apart) else apart, max(abs(first), abs(second)), where, apart == 0
    )


def _listed(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes[:-1])) + f" and {sizes[-1]}" if len(sizes) > 1 else str(*sizes)
