"""The same seed gives the same run, to the bit.

``fit`` is run twice, on two copies, and the losses, weights, buffers and the optimizer's state
compared. Where they differ, the first module is named that gave something else for the same input.
A generator that the model owns is copied with the model: whether it was seeded is not seen here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

import torch

from fivestep.proofs.bench.compare import bitwise, differ, name_of, same_bits
from fivestep.proofs.bench.rows import pairs_of
from fivestep.proofs.bench.state import captured, first_change
from fivestep.proofs.bench.trace import Call, culprit, traced
from fivestep.proofs.bench.trial import Trial
from fivestep.proofs.bench.verdict import Shown, Verdict, judged
from fivestep.proofs.bench.workbench import Workbench
from fivestep.proofs.fit_is_the_plain_loop import by_fit

CLAIM = "the same seed gives the same run, to the bit"
PARTS = ("losses", "weights", "buffers", "optimizer", "attributes")


def show(bench: Workbench) -> Shown:
    """Train two copies from one seed."""
    part, found = first_change(_run(bench), _run(bench), PARTS)
    what = f"{part or 'losses, weights, buffers and optimizer state'} of two runs of fit"
    shown = judged(bitwise(what, found, name_of(bench.dtype)))
    return shown if shown.verdict is Verdict.HOLDS else _explained(bench, shown)


def _run(bench: Workbench) -> dict[str, dict[str, Any]]:
    with bench.trial() as trial:
        run = by_fit(bench, trial, bench.training_batches())
        losses = {f"loss of iteration {entry['iteration']}": entry["loss"] for entry in run.history}
        return captured(trial) | {"losses": losses}


def _explained(bench: Workbench, shown: Shown) -> Shown:
    where = _forward(bench) or _backward(bench) or "the optimizer's step"
    return Shown(
        verdict=Verdict.FAILS,
        measures=shown.measures,
        cause=f"two runs part first in {where}" + _operation(bench),
        do="draw from the global generators of torch, numpy or random, which the seed reaches; "
        "keep no state outside the model; on a GPU, torch.use_deterministic_algorithms(True)",
    )


def _forward(bench: Workbench) -> str | None:
    first, second = (_calls(bench) for _ in range(2))
    return culprit(first, second, same_bits)


def _calls(bench: Workbench) -> list[Call]:
    with bench.trial() as trial, torch.no_grad():
        return traced(trial.model, lambda: [trial.predict(inputs) for inputs, _ in _pairs(bench)])


def _pairs(bench: Workbench) -> list[tuple[Any, Any]]:
    return pairs_of(bench.training_batches(), bench.rows)


def _backward(bench: Workbench) -> str | None:
    gradients = []
    for _ in range(2):
        with bench.trial() as trial:
            loss = trial.backward(*_pairs(bench)[0])
            gradients.append({"the loss": loss} | trial.gradients())
    found = differ(*gradients)
    if found.equal:
        return None
    if not same_bits(gradients[0]["the loss"], gradients[1]["the loss"]):
        return "the loss function"
    return f"the backward, in the gradient of {found.where}"


def _operation(bench: Workbench) -> str:
    """The operation that torch itself knows to have no fixed order, if there is one."""
    with bench.trial() as trial, _deterministic():
        return _refused(trial, bench)


def _refused(trial: Trial, bench: Workbench) -> str:
    try:
        trial.backward(*_pairs(bench)[0])
    except RuntimeError as error:
        said = str(error).split(". ")[0]
        return f" ({said})" if "deterministic" in said else ""
    return ""


@contextlib.contextmanager
def _deterministic() -> Generator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned)
