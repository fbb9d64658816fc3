"""Each module is in its mode of before after an evaluation and after a training.

Tried with the modes as they are, with every other module in the other mode (a frozen BatchNorm
in a model that trains), and with a model in eval mode. In an evaluation no module may be found
in train mode.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from fivestep.evaluate import evaluate
from fivestep.modes import eval_mode
from fivestep.proofs.bench.compare import Difference, bitwise, differ, name_of
from fivestep.proofs.bench.quiet import named
from fivestep.proofs.bench.state import modes
from fivestep.proofs.bench.trial import Trial
from fivestep.proofs.bench.verdict import Measure, Shown, Verdict, failing, judged, not_applicable
from fivestep.proofs.bench.workbench import Workbench
from fivestep.proofs.fit_is_the_plain_loop import by_fit

CLAIM = "every module's mode is put back after evaluate and fit"
ROWS = 8


def show(bench: Workbench) -> Shown:
    """Set modes, evaluate, train, and compare the modes."""
    if not isinstance(bench.model, nn.Module):
        return not_applicable("the model is no nn.Module and has no modes")
    patterns = {
        "as they are": nn.Module.modules,  # changes nothing
        "every other module switched": _alternate,
        "in eval mode": nn.Module.eval,
    }
    shown = judged(
        _all_in_eval(bench),
        *(_evaluated(bench, name, set_modes) for name, set_modes in patterns.items()),
        *(_fitted(bench, name, set_modes) for name, set_modes in patterns.items()),
    )
    return shown if shown.verdict is Verdict.HOLDS else _explained(bench, shown)


def _as_given(bench: Workbench, trial: Trial) -> None:
    for (_, own), (_, copy) in zip(named(bench.model), named(trial.model), strict=True):
        copy.training = own.training


def _alternate(model: Any) -> None:
    for number, (_, module) in enumerate(named(model)):
        if number:  # the root says whether the model trains
            module.training = module.training == bool(number % 2)


def _evaluated(bench: Workbench, pattern: str, set_modes: Callable[[Any], Any]) -> Measure:
    with bench.trial() as trial:
        _as_given(bench, trial)
        set_modes(trial.model)
        before = modes(trial.model)
        evaluate(
            trial.model, trial.loss_fn, bench.rows.first(ROWS).cut_evenly(ROWS // 2),
            items=trial.items, forward=trial.forward,
        )  # fmt: skip
        return _compared(f"modes {pattern}, before and after evaluate", before, trial)


def _fitted(bench: Workbench, pattern: str, set_modes: Callable[[Any], Any]) -> Measure:
    with bench.trial() as trial:
        _as_given(bench, trial)
        set_modes(trial.model)
        before = modes(trial.model)
        few = bench.rows.first(ROWS)
        by_fit(bench, trial, bench.training_batches(few), validate=few.cut_evenly(ROWS // 2))
        return _compared(f"modes {pattern}, before and after fit with validation", before, trial)


def _all_in_eval(bench: Workbench) -> Measure:
    """A forward in eval mode may not switch a module back to train mode."""
    with bench.trial() as trial, eval_mode(trial.model), torch.no_grad():
        before = modes(trial.model)
        inputs, _ = bench.rows.pair(slice(0, bench.rows.count))
        trial.predict(inputs)
        return _compared("modes in eval mode, before and after one forward", before, trial)


def _compared(what: str, before: dict[str, bool], trial: Trial) -> Measure:
    found = differ(before, modes(trial.model))
    return bitwise(what, _in_words(found, before), name_of(trial.dtype))


def _in_words(found: Difference, before: dict[str, bool]) -> Difference:
    if found.equal:
        return found
    was, became = ("train", "eval") if before.get(found.where) else ("eval", "train")
    return found._replace(change=f"{was} mode became {became} mode")


def _explained(bench: Workbench, shown: Shown) -> Shown:
    where = failing(shown)[0].where
    with bench.trial() as trial:
        before = modes(trial.model)
        trial.backward(*bench.rows.pair(slice(0, bench.rows.count)))
        own = not differ(before, modes(trial.model)).equal or not _all_in_eval(bench).holds
    cause = f"the model's own forward switches modes: {where}"
    do = "leave .train() and .eval() out of forward; freeze a module where the model is trained"
    if not own:
        cause = where
        do = "look at the model's own train() and eval(); if they are torch's, report this fault"
    return Shown(verdict=Verdict.FAILS, measures=shown.measures, cause=cause, do=do)
