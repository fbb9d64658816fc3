"""What a plan needs around it: its data on its way, its seed, its folder; all undone at its end."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.utils.data import DataLoader

from fivestep import check
from fivestep.assembly import Assembly
from fivestep.batches import Batches, brings_samples, in_order
from fivestep.checkpoint import Checkpoint
from fivestep.conduct import conduct
from fivestep.devices import Moving, device_of
from fivestep.evaluate import evaluate_batches
from fivestep.feeds import Changed, OneBatch, Whole
from fivestep.interrupt import Interrupt
from fivestep.listen import unheard
from fivestep.live.start import leads
from fivestep.modes import train_mode
from fivestep.plan import Plan
from fivestep.randomness import preserved, seed_all
from fivestep.resuming import Leaving, saving
from fivestep.run import Run
from fivestep.untouched import untouched
from fivestep.vitals import Site


def set_up(
    plan: Plan,
    data: tuple[Any, Any],
    record: str | os.PathLike[str] | None,
    site: Site | None,
    run: Run,
    interrupt: Interrupt,
    *,
    page: bool | str,
    saved: Checkpoint | None,
) -> Run:
    """Train as planned, with all that the plan asks for set up, and put back afterwards.

    Args:
        plan: what to do.
        data: what the user gave to train on and to validate on.
        record: where the journal goes, if one is kept.
        site: the line of the user's ``fit``.
        run: what is filled and returned.
        interrupt: asks for the end.
        page: show it in a page; ``"open"`` opens the browser.
        saved: where its checkpoints go, if it has any.

    Raises:
        Leaving: with code 75, after SIGTERM or the deadline, with checkpoints.
    """
    with ExitStack() as stack:
        if plan.dry_run:
            held = [p for group in plan.optimizer.param_groups for p in group["params"]]
            mine = (plan.model, plan.loss_fn, plan.optimizer, plan.schedule)
            stack.enter_context(unheard())
            stack.enter_context(untouched(*mine, data=data, tensors=held))
        saver = None if saved is None else stack.enter_context(saving(saved, trial=plan.dry_run))
        if plan.seed is not None:
            stack.enter_context(preserved())
            seed_all(plan.seed)
        stack.enter_context(train_mode(plan.model))
        kit = stack.enter_context(Assembly(plan))
        _rehearse(plan, kit, data[1])
        shown = page if leads() and not plan.dry_run else False
        run = conduct(plan, kit, record, site, run, interrupt, saver=saver, page=shown)
    if saver is not None and run.reason in ("terminated", "deadline"):
        raise Leaving(run)
    return run


def on_its_way(made: Batches, model: Any, *, whole: bool) -> Batches:
    """Move each batch to the device of the model; ``whole`` hands it out as one thing."""
    device = device_of(model)
    if device is not None and device.type not in ("cpu", "meta"):
        made = Changed(made, lambda batches: iter(Moving(batches, device)))
    return Whole(made) if whole else made


def held_out_of(validate: Any, batch_size: int | None, kind: torch.dtype | None) -> Batches | None:
    """Cut what is held out for validation into batches, in order; None where there is none."""
    if validate is None:
        return None
    size = batch_size if brings_samples(validate) else None
    with _named_validate():
        made = in_order(validate, batch_size=size, dtype=kind)
    check.no_nan("validate", made, validate)
    return made


def _rehearse(plan: Plan, kit: Assembly, validate: Any) -> None:
    # One batch of the validation before the first update: what is wrong with it shows now, not
    # after an epoch. Only where a batch more is not a batch lost.
    if plan.checkpointed and isinstance(plan.train, OneBatch):
        _ = plan.train.batch  # the same one, whether or not the training goes on from somewhere
    if plan.validate is None or not (brings_samples(validate) or isinstance(validate, DataLoader)):
        return
    with _named_validate():
        evaluate_batches(
            plan.model, plan.loss_fn, plan.validate, {},
            items=kit.items, call=kit.call, stop=lambda: True,
        )  # fmt: skip


@contextmanager
def _named_validate() -> Generator[None]:
    # The words are the same for both data sets: say which of the two they speak of.
    try:
        yield
    except (TypeError, ValueError) as error:
        if type(error) not in (TypeError, ValueError):
            raise
        raise type(error)(f"validate: {error}") from error
