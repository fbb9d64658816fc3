"""An update from several micro-batches is that of all their samples at once.

Shown with micro-batches of different sizes, through ``fit(accumulate=...)``: the gradient that
the optimizer is handed is compared with that of the whole batch, and the update made of it with
the optimizer's own, which has to be the same to the bit. Gradients are compared and not weights,
because an optimizer like Adam makes a whole step of a gradient that is zero but for its rounding.
Dropout is off, and BatchNorm uses its running statistics: in train mode it looks at whole
batches, which are then others by nature; how much that is, is measured beside it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

from fivestep.closure import demands_closure
from fivestep.fit import fit
from fivestep.items import by_class
from fivestep.proofs.bench.compare import bitwise, differ, name_of, rounded
from fivestep.proofs.bench.condition import OF_GRADIENT, scale
from fivestep.proofs.bench.decompose import why_not_a_mean
from fivestep.proofs.bench.quiet import Held, coupling_norms
from fivestep.proofs.bench.restless import restless, said_of
from fivestep.proofs.bench.rows import Fixed, Rows, uneven
from fivestep.proofs.bench.trial import Trial
from fivestep.proofs.bench.verdict import (
    Measure,
    Shown,
    Verdict,
    failing,
    judged,
    not_applicable,
)
from fivestep.proofs.bench.workbench import Kind, Workbench, quiet

CLAIM = "a window of micro-batches makes the update of all its samples at once"
IGNORED = "a micro-batch has no targets that count, the others differ in theirs"


def show(bench: Workbench) -> Shown:
    """Compare the accumulated gradient with that of the whole batch."""
    if demands_closure(bench.optimizer):
        kind = type(bench.optimizer).__name__
        return not_applicable(f"{kind} evaluates the loss itself, as often as it likes")
    if bench.rows.count < 2:
        return not_applicable("one sample alone is no window", "give more data")
    if bench.drawing:
        return not_applicable(
            f"the forward draws from {' and '.join(bench.drawing)} in eval mode, too, and "
            "micro-batches draw other numbers than the whole"
        )
    measures = [_gradients(bench, kind) for kind in bench.kinds()]
    if _ignores(bench):
        measures.append(_gradients(bench, bench.kinds()[0], ignoring=True))
    shown = judged(*measures, _update(bench), notes=bench.calm_notes())
    if shown.verdict is Verdict.FAILS:
        return _explained(bench, shown)
    return _with_norms(bench, shown)


def _gradients(
    bench: Workbench, kind: Kind, *, ignoring: bool = False, norms: bool = True
) -> Measure:
    rows = bench.samples(wide=kind.wide)
    sizes = uneven(rows.count, bench.window)
    if ignoring:
        rows = _ignoring(bench, rows, sizes)
    with bench.trial(wide=kind.wide) as trial:
        quiet(trial, norms=norms)
        trial.backward(*rows.pair(slice(0, rows.count)))
        whole, dtype = trial.handed(), trial.dtype
    with bench.trial(wide=kind.wide) as trial:
        quiet(trial, norms=norms)
        seen = _accumulated(bench, trial, rows.cut(sizes), len(sizes))
    what = f"gradient of micro-batches of {', '.join(map(str, sizes))} with that of all at once"
    what += f"; {IGNORED}" * ignoring + "; BatchNorm in train mode" * (not norms)
    found = differ(whole, seen[0] if len(seen) == 1 else {})
    return rounded(
        what, found, dtype, scale=scale(bench, wide=kind.wide).gradient, of_what=OF_GRADIENT,
        tolerance=bench.tolerance, decides=kind.decides and norms,
    )  # fmt: skip


def _accumulated(
    bench: Workbench, trial: Trial, batches: Fixed, window: int
) -> list[dict[str, Tensor]]:
    """The gradients as the optimizer was handed them: one set for each of its updates."""
    seen: list[dict[str, Tensor]] = []
    last: list[dict[str, Tensor]] = [{}]

    def look(*_: Any) -> None:
        weights = trial.weights()  # a step that calls its parent's has the hook called twice
        if not differ(last[0], weights).equal:
            seen.append(trial.handed())
            last[0] = weights

    hook = trial.optimizer.register_step_pre_hook(look)
    held, forward = Held(trial.model), trial.forward
    fit(
        held, trial.loss_fn, trial.optimizer, batches, epochs=1, accumulate=window,
        items=trial.items, forward=forward and (lambda one, batch: forward(one.module, batch)),
        seed=bench.seed, progress=False, watch=False, keep_best=False,
    )  # fmt: skip
    hook.remove()
    return seen


def _update(bench: Workbench) -> Measure:
    """Whether the update is the optimizer's own, made of that gradient, and the only one."""
    sizes = uneven(bench.rows.count, bench.window)
    with bench.trial() as trial:
        quiet(trial, norms=True)
        seen = _accumulated(bench, trial, bench.rows.cut(sizes), len(sizes))
        accumulated = trial.weights()
    with bench.trial() as trial:
        for name, parameter in trial.parameters().items():
            parameter.grad = seen[0].get(name) if seen else None
        trial.optimizer.step()
        what = "weights after the window with those after one step on its gradient"
        return bitwise(what, differ(trial.weights(), accumulated), name_of(trial.dtype))


def _ignores(bench: Workbench) -> bool:
    if bench.items is not None or bench.forward is not None or by_class(bench.loss_fn) is None:
        return False
    _, targets = bench.rows.pair(slice(0, bench.rows.count))
    return isinstance(targets, Tensor) and not targets.is_floating_point() and bench.window > 1


def _ignoring(bench: Workbench, rows: Rows, sizes: list[int]) -> Rows:
    """The rows with targets that do not count: none in the first part, some in the second."""
    options = by_class(bench.loss_fn)
    assert options is not None
    inputs, targets = rows.pair(slice(0, rows.count))
    changed: Any = targets.clone()
    changed[: sizes[0]] = options.ignore_index
    changed[sizes[0] : sizes[0] + sizes[1] // 2] = options.ignore_index
    return replace(rows, data=(inputs, changed))


def _with_norms(bench: Workbench, shown: Shown) -> Shown:
    """BatchNorm in train mode couples the samples of a batch; say by how much."""
    with bench.trial() as trial:
        norms = {name: type(one).__name__ for name, one in coupling_norms(trial.model).items()}
    if not norms:
        return shown
    train = _gradients(bench, bench.kinds()[0], norms=False)
    names = ", ".join(f"{name} ({kind})" for name, kind in list(norms.items())[:3])
    more = f" and {len(norms) - 3} more" if len(norms) > 3 else ""
    return not_applicable(
        f"BatchNorm couples the samples of a batch: {names}{more}. In train mode the gradient is "
        f"off by {train.relative:.2g} of its largest element; with BatchNorm in eval mode it is "
        f"the whole batch's ({shown.measures[0].relative:.2g})",
        "GroupNorm or LayerNorm, if accumulated and whole batches have to agree",
        (*shown.measures, train),
    )


def _with_buffers(bench: Workbench, shown: Shown, names: tuple[str, ...]) -> Shown:
    """Buffers that move with each forward make every micro-batch see another model."""
    said = f"{said_of(names)}, so each micro-batch of a window is given another model"
    train = failing(shown)[0]
    with bench.calm(names):
        calm = _gradients(bench, bench.kinds()[0])
        if calm.holds:
            return not_applicable(
                f"{said}. In train mode the gradient is off by {train.relative:.2g} of its largest "
                "element; with the modules that own them in eval mode it is the whole batch's "
                f"({calm.relative:.2g})",
                measures=(calm, train),
            )
        cause, do = why_not_a_mean(bench)
        if restless(bench):
            cause, do = said, "write them between the updates, or leave them alone in eval mode"
    return Shown(
        verdict=Verdict.FAILS, measures=shown.measures, cause=cause, do=do, notes=shown.notes
    )


def _explained(bench: Workbench, shown: Shown) -> Shown:
    worst = failing(shown)[0]
    if worst.bound == 0:
        cause, do = (
            "the optimizer's step depends on more than gradients and its own state",
            ("look at what its step reads: a counter, random numbers, hooks"),
        )
    elif names := restless(bench):
        return _with_buffers(bench, shown, names)
    else:
        cause, do = why_not_a_mean(bench)
    return Shown(
        verdict=Verdict.FAILS, measures=shown.measures, cause=cause, do=do, notes=shown.notes
    )
