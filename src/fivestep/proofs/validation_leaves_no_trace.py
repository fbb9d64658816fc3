"""A validation changes nothing, and the training goes on as if it had not been.

Looked at: weights, buffers, modes of each module, gradients, the optimizer's state, all random
numbers, and what the modules keep besides. Then ``fit`` is run with and without validation from
the same seed, and both have to leave the same bits.
"""

from __future__ import annotations

from typing import Any

from fivestep.evaluate import evaluate
from fivestep.proofs.bench.compare import Difference, bitwise, differ, name_of
from fivestep.proofs.bench.state import PARTS, State, captured, first_change
from fivestep.proofs.bench.verdict import Measure, Shown, Verdict, failing, judged
from fivestep.proofs.bench.workbench import Workbench
from fivestep.proofs.fit_is_the_plain_loop import by_fit, plain_twice

CLAIM = "validation changes nothing, and the training that follows is the same"
LEFT = ("weights", "buffers", "optimizer")
STRICT = tuple(part for part in PARTS if part != "attributes")


def show(bench: Workbench) -> Shown:
    """Compare the state before and after a validation, and the trainings with and without one."""
    before, after, dtype = _around(bench)
    part, found = first_change(before, after, STRICT)
    measures = [bitwise(f"{part or 'everything'} before and after a validation", found, dtype)]
    kept, passing = _kept(before, after)
    if kept is not None:
        measures.append(bitwise("what the model keeps, before and after a validation", kept, dtype))
    repeats = not plain_twice(bench)[0]
    measures.append(_training(bench, dtype, decides=repeats))
    notes = () if repeats else ("two trainings from the same seed differ: see same-seed-same-run",)
    shown = judged(*measures, notes=(*notes, *passing))
    return shown if shown.verdict is Verdict.HOLDS else _explained(shown)


def _around(bench: Workbench) -> tuple[State, State, str]:
    with bench.trial() as trial:
        by_fit(bench, trial, bench.training_batches())
        trial.backward(*bench.rows.pair(slice(0, bench.rows.count)))  # so that there are gradients
        before = captured(trial)
        evaluate(
            trial.model, trial.loss_fn, bench.rows.cut_evenly(bench.batch_size),
            items=trial.items, forward=trial.forward,
        )  # fmt: skip
        return before, captured(trial), name_of(trial.dtype)


def _kept(before: State, after: State) -> tuple[Difference | None, tuple[str, ...]]:
    """A counter or a generator that moved; tensors and texts kept for a look are only told of."""
    moved: dict[str, tuple[Any, Any]] = {}
    for name in dict.fromkeys((*before["attributes"], *after["attributes"])):
        pair = before["attributes"].get(name), after["attributes"].get(name)
        if not differ({name: pair[0]}, {name: pair[1]}).equal:
            moved[name] = pair
    counts = {name: pair for name, pair in moved.items() if _counts(*pair)}
    others = [name for name in moved if name not in counts]
    notes = (f"validation writes {', '.join(others[:3])}, which is not judged",) if others else ()
    if not counts:
        return None, notes
    first, second = ({name: pair[i] for name, pair in counts.items()} for i in (0, 1))
    return differ(first, second), notes


def _counts(before: Any, after: Any) -> bool:
    number = isinstance(before, (int, float)) and isinstance(after, (int, float))
    if number and not isinstance(before, bool):
        return True
    return _is_generator(before) and _is_generator(after)


def _is_generator(value: Any) -> bool:
    """A state of random numbers, as ``captured`` writes it: long, and of one kind."""
    if isinstance(value, str):
        return value.startswith(("count(", "{'state'", "{'key'", "(3, (", "b'"))
    return hasattr(value, "dtype") and str(value.dtype) == "torch.uint8" and value.numel() > 8


def _training(bench: Workbench, dtype: str, *, decides: bool) -> Measure:
    with bench.trial() as trial:
        by_fit(bench, trial, bench.training_batches())
        without = captured(trial)
    with bench.trial() as trial:
        held_out = bench.rows.cut_evenly(bench.batch_size)
        by_fit(bench, trial, bench.training_batches(), validate=held_out)
        part, found = first_change(without, captured(trial), LEFT)
    what = f"{part or 'weights, buffers and optimizer state'} after fit with and without validation"
    return bitwise(what, found, dtype, decides=decides)


def _explained(shown: Shown) -> Shown:
    worst = failing(shown)[0]
    return Shown(
        verdict=Verdict.FAILS, measures=shown.measures, notes=shown.notes,
        cause=f"the forward writes where eval mode does not keep it from writing: {worst.where}",
        do="in forward, write only `if self.training:`, and draw from torch's global generator "
        "instead of one of the model's own",
    )  # fmt: skip
