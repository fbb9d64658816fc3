"""``fit``: the loop for daily work. Checks first, then ``course.py`` around the five steps."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from torch.optim.lr_scheduler import ReduceLROnPlateau

from fivestep import check
from fivestep.anchors import Back, back_of
from fivestep.attach.schedule import Shape, interval
from fivestep.attach.together import together
from fivestep.background import refuse_beside, start
from fivestep.batches import batches
from fivestep.checkpoint import Checkpoint, checkpoint_of, minutes_of
from fivestep.checkpoints.exact import exact
from fivestep.durations import Duration, Lengths, duration
from fivestep.evaluate import float_type, named_metrics
from fivestep.feeds import First, OneBatch
from fivestep.interrupt import Interrupt
from fivestep.listen import listening
from fivestep.listen.site import here
from fivestep.plan import Plan, count
from fivestep.run import Run
from fivestep.setting_up import held_out_of, on_its_way, set_up


def fit(
    model: Callable[..., Any],
    loss_fn: Callable[[Any, Any], Any],
    optimizer: Any,
    train: Any,
    *,
    epochs: int | None = None,
    length: str | None = None,
    validate: Any = None,
    validate_every: int | str | None = None,
    metrics: Any = None,
    batch_size: int | None = None,
    shuffle: bool | None = None,
    accumulate: int = 1,
    items: Callable[[Any], Any] | None = None,
    forward: Callable[[Any, Any], Any] | None = None,
    compile: bool = False,
    precision: Literal["float32", "bfloat16", "float16"] = "float32",
    tf32: bool | None = None,
    seed: int | None = 0,
    schedule: Any = None,
    schedule_every: int | str | None = None,
    clip: float | None = None,
    clip_value: float | None = None,
    monitor: str | None = None,
    mode: Literal["min", "max"] | None = None,
    patience: int | None = None,
    min_delta: float = 0.0,
    keep_best: bool = True,
    restore_best: bool = False,
    nonfinite: Literal["stop", "raise", "skip", "back"] | Back = "stop",
    average: float | Literal["equal"] | None = None,
    average_start: int | str = "0.75 run",
    average_every: int | str = "1 update",
    log_every: int | str | None = None,
    record: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    max_minutes: float | None = None,
    progress: bool = True,
    watch: bool = True,
    page: bool | Literal["open"] = False,
    overfit_one_batch: bool = False,
    dry_run: bool = False,
    background: bool = False,
) -> Run:
    """Train ``model`` for some epochs and tell what happened.

    The five steps are those of ``train``. Around them: the data cut into batches, validation, the
    best weights, a stop before NaN reaches the weights, progress, a record. A first Ctrl-C ends
    the training after the iteration and still returns the ``Run``.

    Args:
        model: any ``nn.Module`` or callable. A model in eval mode is trained in train mode and put
            back; in a model in train mode, modules in eval mode (a frozen BatchNorm) stay so.
        loss_fn: takes the prediction and the targets, returns a scalar: the mean over the batch's
            items, or the sum, if its ``reduction`` is ``"sum"``; or a dict of scalars, of which
            ``"loss"`` is minimised and all are recorded. Recorded losses are means per item.
        optimizer: any ``torch.optim.Optimizer``, LBFGS included. Several of them, in a list or a
            dict by name, step together: see ``fivestep.together``.
        train: a pair ``(inputs, targets)`` of tensors, arrays, frames or tuples or dicts of them;
            a ``Dataset``; a ``DataLoader``; any re-iterable of batches. See ``batches``.
        epochs: how often to go through all of it.
        length: how long to train instead, as a duration: ``"500 updates"``, ``"1000 iterations"``,
            ``"2.5 epochs"``. An *iteration* is one batch, an *update* the optimizer changing the
            weights once, an *epoch* the whole data once; they mean the same in every option.
        validate: data of the same kinds, for validation: in eval mode, without a graph, in order,
            and without a trace in the training's random numbers.
        validate_every: a duration, or so many updates, instead of after each epoch:
            ``"2 epochs"``, ``"500 updates"``, ``"0.1 run"``.
        metrics: for the validation, over all its samples at once. See ``evaluate``.
        batch_size: samples in a batch, 32 if not said; not for a loader, which has its own.
        shuffle: a new order in every epoch; True if not said; not for a loader.
        accumulate: batches in an update, whose gradient is exactly that of all of them at once; the
            last window of an epoch may be short. See ``fivestep.accumulate``.
        items: takes a batch and returns how many items its loss is the mean of, by which batches
            weigh in windows, epochs and validations. If not said, what torch's own losses divide
            by (targets that are not ignored, class weights), and samples for every other loss.
        forward: takes the model and a whole batch, of any structure, and returns the prediction;
            ``loss_fn`` and the metrics get the prediction and the whole batch then.
        compile: train and validate through ``torch.compile(model)``; saved weights keep their
            names.
        precision: compute the forward in ``"bfloat16"`` or ``"float16"`` (its gradients scaled, so
            that small ones do not vanish; an update that overflows is skipped). Weights, outputs
            and loss stay float32. See ``fivestep.precision``.
        tf32: switch TensorFloat-32 on or off meanwhile; None leaves it as it is.
        seed: decides the order of the samples and all random numbers drawn by the model. The
            caller's random numbers are left as they were. None seeds nothing.
        schedule: ``fivestep.cosine(warmup="0.1 run")``, ``linear``, ``constant``, or any
            ``LRScheduler`` of this optimizer. ``ReduceLROnPlateau`` is stepped with the monitored
            value. It moves only with the optimizer: a skipped update is none.
        schedule_every: a duration, how often to step it: ``"epoch"`` for torch's own if not said,
            ``"update"`` for ours.
        clip: cut the gradient of each update to this norm, one over all parameters.
        clip_value: cut each of its elements to this absolute value, before the norm.
        monitor: the value that tells which weights are best, ``"validation_loss"`` if there is a
            validation; ``"validation_NAME"`` for a metric, ``"loss"`` for the training's own.
        mode: whether ``"min"`` or ``"max"`` is best; needed for metrics.
        patience: stop after so many validations in a row that were no better than the best.
        min_delta: an improvement has to be larger than this, in the units of the value.
        keep_best: keep a copy of the best weights as ``run.best_weights``.
        restore_best: load them into the model at the end.
        nonfinite: what to do with a NaN or inf in the loss or a gradient, before the update:
            ``"stop"`` the run, ``"raise"`` a ``NonFiniteError``, or ``"skip"`` this update.
            Weights, optimizer and buffers stay as they were before the iteration. With
            ``checkpoint`` also ``"back"``: go back to the last good state and on from there at half
            the rate, three times at most; a ``Back`` says by how much and how often.
        average: keep an average of the weights beside them, which is what is validated, kept as the
            best and returned as ``run.average_weights``: a number such as 0.999 is how much of the
            old average an update keeps (EMA), ``"equal"`` weighs all alike (SWA). The statistics
            of BatchNorm are computed anew for it, by going through the data.
        average_start: a duration, from when on ``"equal"`` takes the weights in.
        average_every: a duration, how often.
        log_every: also record the training so often: a duration, or so many updates.
        record: write the run to this ``.jsonl`` file, or to a new file in this directory.
        page: show the training in a browser while it runs: a viewer starts as a process of its own
            and its address is printed; ``"open"`` opens the browser, too. Needs the extra
            ``[page]``; recorded in ``runs`` where ``record`` says nothing. See docs/watch.md.
        checkpoint: save the whole state of the training to this folder as it goes; called again,
            in whatever process, ``fit`` goes on from there and ends with the same bits as if it
            had never been stopped. The random numbers of every batch are then decided by the seed,
            the epoch and the batch alone. Ctrl-C and SIGTERM end the iteration and save; SIGTERM
            then ends the program with code 75, "start me again". A ``Checkpoint`` says how often.
        max_minutes: with ``checkpoint``, do what SIGTERM does after so long.
        progress: show it: a live line on a terminal, plain lines elsewhere.
        watch: let the doctor read along, from the loop's own moments and without hooks; what it
            found stands in ``run.report`` and is printed at the end. A doctor that listens already
            (``fivestep run``, ``listen()``) is not doubled: it reports instead.
        overfit_one_batch: train on the first batch alone, again and again, and validate on it: a
            model that cannot learn one batch by heart has a fault, or a rate far off.
        dry_run: make one update, one batch of validation and one record of everything, and put
            model, optimizer and schedule back as they were. The record's file is not kept.
        background: return at once and train in a thread of its own: the ``Run`` grows meanwhile,
            and a notebook shows it with buttons. ``run.wait()`` waits, and raises what went wrong;
            ``run.stop()`` ends it. One at a time. The same bits as without it, as long as nothing
            else draws random numbers meanwhile: the process has them only once.

    Returns:
        The ``Run``: history, best record, why it ended.

    Raises:
        TypeError, ValueError: something is wrong with what was given; what, and what to do.
        NonFiniteError: with ``nonfinite="raise"``.
        OSError: the record or the first checkpoint cannot be written.
        SystemExit: with code 75, after SIGTERM or ``max_minutes``, with ``checkpoint``.
    """
    refuse_beside(model)
    check.numbers(
        batch_size=batch_size,
        accumulate=accumulate,
        patience=patience,
        seed=seed,
        min_delta=min_delta,
    )
    back = back_of(nonfinite)
    nonfinite = "back" if isinstance(nonfinite, Back) else nonfinite
    check.words(mode=mode, nonfinite=nonfinite, precision=precision)
    check.flags(
        keep_best=keep_best, restore_best=restore_best, progress=progress, watch=watch,
        compile=compile, overfit_one_batch=overfit_one_batch, dry_run=dry_run,
        background=background,
    )  # fmt: skip
    lasting = check.run_length(epochs, length)
    validates = None if validate_every is None else duration(validate_every, "validate_every")
    logs = None if log_every is None else duration(log_every, "log_every")
    moves = _moves(schedule, schedule_every)
    check.average(average)
    starts = duration(average_start, "average_start")
    takes_in = duration(average_every, "average_every")
    check.model(model)
    check.loss_fn(loss_fn)
    if isinstance(optimizer, (list, tuple, dict)):
        optimizer = together(*_several(optimizer))
    check.optimizer(optimizer, model)
    check.bare(optimizer)
    check.schedule(schedule, optimizer)
    check.restorable(model, restore_best=restore_best)
    check.record(record)
    check.page(page)
    saved = checkpoint_of(checkpoint)
    deadline = minutes_of(max_minutes)
    check.saving(saved, seed=seed, max_minutes=max_minutes)
    check.going_back(back, saved, optimizer)
    check.validation(validate, metrics=metrics, validate_every=validate_every)
    passes = lasting.amount if lasting.unit == "epoch" else math.inf
    passes = 1 if overfit_one_batch else passes
    check.repeatable("train", train, passes)
    check.repeatable("validate", validate, passes if validates is None else math.inf)
    check.again("average", average, model, train, within=validates is not None)
    waits = patience is not None or restore_best or isinstance(schedule, ReduceLROnPlateau)
    named = named_metrics(metrics)
    validated = validate is not None or overfit_one_batch
    monitor = check.monitor(monitor, named, validated=validated, needed=waits)
    kind = float_type(model)
    made = batches(train, batch_size=batch_size, shuffle=shuffle, seed=seed, dtype=kind)
    check.no_nan("train", made, train)
    if saved is not None and seed is not None:
        made = exact(made, seed)
    made = on_its_way(made, model, whole=forward is not None)
    lengths = Lengths(count(made), window=accumulate, run=lasting)
    made = OneBatch(made) if overfit_one_batch else First(made, accumulate) if dry_run else made
    held_out = made if overfit_one_batch else held_out_of(validate, batch_size, kind)
    if held_out is not None and not overfit_one_batch:
        if saved is not None and seed is not None:
            held_out = exact(held_out, seed, validates=True)
        held_out = on_its_way(held_out, model, whole=forward is not None)
        held_out = First(held_out, 1) if dry_run else held_out
    if isinstance(lasting.amount, float):
        lengths.in_iterations(lasting)  # says so if an epoch's length is not known
    check.enough_steps(schedule, moves, lengths)
    check.reached("validate_every", validates, lengths)
    check.reached("log_every", logs, lengths)
    check.reached("nonfinite's every", back and back.interval, lengths)
    plan = Plan(
        model=model,
        loss_fn=loss_fn,
        optimizer=optimizer,
        train=made,
        length=Duration(1, "update") if dry_run else lasting,
        lengths=lengths,
        validate=held_out,
        validate_every=None if dry_run else validates,
        metrics=named,
        seed=seed,
        schedule=schedule,
        schedule_every=moves,
        monitor=monitor,
        mode=check.mode(mode, monitor),
        patience=patience,
        min_delta=min_delta,
        keep_best=keep_best,
        restore_best=restore_best,
        nonfinite=nonfinite,
        log_every=logs,
        watch=watch and not listening(),
        progress=progress,
        accumulate=accumulate,
        items=items,
        forward=forward,
        compile=compile,
        clip=clip,
        clip_value=clip_value,
        precision=precision,
        average=average,
        average_start=starts,
        average_every=takes_in,
        tf32=tf32,
        overfit_one_batch=overfit_one_batch,
        dry_run=dry_run,
        checkpointed=saved is not None,
        back=back,
    )
    site = here(sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
    go = partial(set_up, plan, (train, validate), record, site, page=page, saved=saved)
    interrupt = Interrupt(terminate=saved is not None, minutes=deadline)
    if background:
        return start(go, model, optimizer, site, interrupt)
    return go(Run(), interrupt)


def _moves(schedule: Any, every: int | str | None) -> Duration:
    # What falls with the run moves with every update; torch's own are made for epochs.
    if every is None:
        return Duration(1, "update" if isinstance(schedule, Shape) else "epoch")
    return interval(every, "schedule_every")


def _several(optimizers: Any) -> list[Any]:
    return [optimizers] if isinstance(optimizers, dict) else list(optimizers)
