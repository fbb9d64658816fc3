"""``fit`` leaves the same weights as the plain loop, to the bit.

The plain loop stands below, as everybody writes it. Both go over the same batches, two epochs of
them, from the same seed; weights, buffers and the optimizer's state have to be the same bits.
"""

from __future__ import annotations

from typing import Any

from fivestep.arguments import spread
from fivestep.closure import demands_closure
from fivestep.convert import count_samples
from fivestep.fit import fit
from fivestep.proofs.bench.compare import Difference, bitwise, name_of
from fivestep.proofs.bench.rows import Fixed, pairs_of
from fivestep.proofs.bench.state import State, captured, first_change
from fivestep.proofs.bench.trial import Trial
from fivestep.proofs.bench.verdict import Shown, Verdict, judged, not_applicable
from fivestep.proofs.bench.workbench import Workbench, counter
from fivestep.run import Run
from fivestep.terms import Terms

CLAIM = "fit leaves the weights of the plain five-step loop, to the bit"
EPOCHS = 2
PARTS = ("weights", "buffers", "optimizer")


def plain_loop(
    model: Any, loss_fn: Any, optimizer: Any, batches: list[tuple[Any, Any]], epochs: int
) -> None:
    """The loop as it is written by hand."""
    arguments = spread(model)
    for _ in range(epochs):
        for inputs, targets in batches:
            args, kwargs = arguments(inputs)
            prediction = model(*args, **kwargs)
            loss = loss_fn(prediction, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def plain_loop_with_closure(
    model: Any, loss_fn: Any, optimizer: Any, batches: list[tuple[Any, Any]], epochs: int
) -> None:
    """The same for LBFGS, which evaluates the loss itself."""
    arguments = spread(model)
    for _ in range(epochs):
        for inputs, targets in batches:
            args, kwargs = arguments(inputs)

            def closure(args: Any = args, kwargs: Any = kwargs, targets: Any = targets) -> Any:
                optimizer.zero_grad()
                loss = loss_fn(model(*args, **kwargs), targets)
                loss.backward()
                return loss

            optimizer.step(closure)


def show(bench: Workbench) -> Shown:
    """Train one copy by hand and one by ``fit``."""
    part, found = plain_twice(bench)
    if part:
        return not_applicable(
            f"two plain loops from the same seed differ already ({part}: {found.where})",
            "see same-seed-same-run",
        )
    by_hand = by_plain_loop(bench)
    with bench.trial() as trial:
        run = by_fit(bench, trial, bench.training_batches())
        by_us = captured(trial)
        dtype = name_of(trial.dtype)
    if run.reason != "finished":
        return not_applicable(f"fit stopped: {run.message}", "mend that first")
    part, found = first_change(by_hand, by_us, PARTS)
    what = f"{part or 'weights, buffers and optimizer state'} after fit with those by hand"
    what += f", {EPOCHS} epochs of batches of {_sizes(bench)}"
    shown = judged(bitwise(what, found, dtype))
    return shown if shown.verdict is Verdict.HOLDS else _explained(shown)


def by_plain_loop(bench: Workbench) -> State:
    """The state of a copy that was trained by hand."""
    with bench.trial() as trial:
        pairs = [
            (inputs, targets)
            for inputs, targets in pairs_of(bench.training_batches(), bench.rows)
            if counter(trial)(inputs, targets)  # the mean over no item is 0 / 0: fit leaves it out
        ]
        loop = plain_loop_with_closure if demands_closure(trial.optimizer) else plain_loop
        loop(trial.call, Terms(trial.loss_fn), trial.optimizer, pairs, EPOCHS)
        return captured(trial)


def plain_twice(bench: Workbench) -> tuple[str, Difference]:
    """Train two copies by hand, from one seed; name the part in which they differ, if they do."""
    return bench.once(
        "plain twice", lambda: first_change(by_plain_loop(bench), by_plain_loop(bench), PARTS)
    )


def by_fit(bench: Workbench, trial: Trial, batches: Fixed, validate: Any = None) -> Run:
    """Train a copy with ``fit``, recording every update."""
    return fit(
        trial.model, trial.loss_fn, trial.optimizer, batches, epochs=EPOCHS, validate=validate,
        items=trial.items, forward=trial.forward, seed=bench.seed, log_every=1,
        progress=False, watch=False, keep_best=False,
    )  # fmt: skip


def _sizes(bench: Workbench) -> str:
    pairs = pairs_of(bench.training_batches(), bench.rows)
    return ", ".join(str(count_samples(*pair)) for pair in pairs)


def _explained(shown: Shown) -> Shown:
    return Shown(
        verdict=Verdict.FAILS,
        measures=shown.measures,
        cause="two plain loops agree, and fit does not: the model, the loss or the optimizer knows "
        "who calls it, or fit is wrong",
        do="look for what depends on the caller (the stack, the number of calls); if there is "
        "nothing, this is a fault of fivestep: report it with the model",
    )
