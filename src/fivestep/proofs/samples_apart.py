"""What is predicted for a sample does not depend on the others in its batch.

One sample is kept and all others of its batch become another one; its prediction has to stay. This
works for tokens as for numbers. A module that mixes rows (a view where a transpose was meant,
attention along the wrong dimension) is named: the first that gave something else for the same.
BatchNorm in train mode mixes them by design; it is named, and measured.
"""

from __future__ import annotations

from fivestep.proofs.bench.compare import rounded
from fivestep.proofs.bench.influence import ROWS, Influence, influences, mixer
from fivestep.proofs.bench.quiet import coupling_norms
from fivestep.proofs.bench.verdict import Measure, Shown, Verdict, judged, not_applicable
from fivestep.proofs.bench.workbench import Kind, Workbench

CLAIM = "the samples of a batch do not influence each other"


def show(bench: Workbench) -> Shown:
    """Replace all samples of a batch but one, and look at its prediction."""
    if bench.rows.count < 2:
        return not_applicable("there is one sample only", "give more data")
    if bench.drawing:
        return not_applicable(
            f"the forward draws from {' and '.join(bench.drawing)} in eval mode, too"
        )
    found = [(kind, influences(bench, wide=kind.wide, norms=True)) for kind in bench.kinds()]
    measures = [_measure(bench, kind, one, norms=True) for kind, one in found if one is not None]
    if not measures:
        return not_applicable("the prediction has no row for each sample")
    shown = judged(*measures, notes=bench.calm_notes())
    decisive = found[0][1]
    if shown.verdict is Verdict.FAILS and decisive is not None:
        return _explained(bench, shown, decisive)
    return _with_norms(bench, shown)


def _measure(bench: Workbench, kind: Kind, found: Influence, *, norms: bool) -> Measure:
    with bench.trial(wide=kind.wide) as trial:
        dtype = trial.dtype
    count = min(ROWS, bench.rows.count)
    what = f"prediction of a sample in a batch of {count} with that among other samples"
    what += "" if norms else "; BatchNorm in train mode"
    return rounded(
        what, found.found, dtype, scale=found.found.of, of_what="the largest prediction",
        tolerance=bench.tolerance, decides=kind.decides and norms,
    )  # fmt: skip


def _explained(bench: Workbench, shown: Shown, found: Influence) -> Shown:
    where = mixer(bench, found.kept, wide=not bench.narrow and bench.kinds()[0].wide)
    return Shown(
        verdict=Verdict.FAILS, measures=shown.measures, notes=shown.notes,
        cause=f"the samples are mixed in {where}",
        do="look for view or reshape where permute is meant, a sum or mean over dimension 0, "
        "softmax(dim=0), or batch_first",
    )  # fmt: skip


def _with_norms(bench: Workbench, shown: Shown) -> Shown:
    kind = bench.kinds()[0]
    with bench.trial() as trial:
        norms = {name: type(one).__name__ for name, one in coupling_norms(trial.model).items()}
    if not norms or (found := influences(bench, wide=kind.wide, norms=False)) is None:
        return shown
    train = _measure(bench, kind, found, norms=False)
    names = ", ".join(f"{name} ({kind})" for name, kind in list(norms.items())[:3])
    more = f" and {len(norms) - 3} more" if len(norms) > 3 else ""
    return not_applicable(
        f"BatchNorm couples the samples of a batch by design: {names}{more}. In train mode a "
        f"prediction moves by {train.relative:.2g} of the largest with the other samples; with "
        f"BatchNorm in eval mode by {shown.measures[0].relative:.2g}",
        "GroupNorm or LayerNorm, where samples must not know of each other",
        (*shown.measures, train),
    )
