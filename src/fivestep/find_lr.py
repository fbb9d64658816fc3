"""The learning-rate range test: one short sweep of rates, after which nothing has changed.

Sources: L. N. Smith, Cyclical Learning Rates for Training Neural Networks,
https://arxiv.org/abs/1506.01186, section 3.3; the exponential sweep, the limits of 1e-7 and 10, the
stop at four times the best loss and the steepest slope are those of fastai,
https://docs.fast.ai/callback.schedule.html#lrfinder
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from torch import Tensor

from fivestep import check
from fivestep.arguments import Forward
from fivestep.attach.wrapping import Wrapping
from fivestep.background import refuse_beside
from fivestep.batches import Batches, batches
from fivestep.closure import demands_closure
from fivestep.counts import need_count, need_seed
from fivestep.evaluate import float_type
from fivestep.feeds import Whole
from fivestep.interrupt import Interrupt
from fivestep.items import Items
from fivestep.listen import unheard
from fivestep.loop import Moment, Step, train
from fivestep.modes import train_mode
from fivestep.progress import Progress
from fivestep.randomness import seed_all
from fivestep.rate_search import RateSearch, Reason, smooth, suggest
from fivestep.terms import Terms
from fivestep.untouched import untouched

LEAST = 10  # updates: a curve of fewer points has no slope to speak of
IDLE = 1000  # batches without an update, after which none is to be expected


def find_lr(
    model: Callable[..., Any],
    loss_fn: Callable[[Any, Any], Any],
    optimizer: Any,
    data: Any,
    *,
    lowest: float = 1e-7,
    highest: float = 10.0,
    updates: int = 100,
    batch_size: int | None = None,
    seed: int | None = 0,
    smoothing: float = 0.2,
    stop_factor: float = 4.0,
    forward: Callable[[Any, Any], Any] | None = None,
    progress: bool = True,
) -> RateSearch:
    """Raise the learning rate from update to update, watch the loss, and suggest a rate.

    The suggestion is the rate at which the smoothed loss falls most steeply, before its minimum. It
    is a guess from one short sweep at the start of a training: good to a factor of about three, and
    not for what comes later. Try it, and a third of it.

    Afterwards everything is as it was, to the last bit: model, gradients, optimizer, random
    numbers, loader; see ``untouched`` for what cannot be put back. A copy of the optimizer does the
    sweep, bound to the same parameters: hooks of the optimizer (clipping, schedules, averages) stay
    with the original and do not run. So what is clipped may bear a higher rate than is suggested.

    Args:
        model: any ``nn.Module`` or callable, as for ``fit``.
        loss_fn: takes the prediction and the targets, returns a scalar, or a dict of scalars with
            the key ``"loss"``.
        optimizer: any ``torch.optim.Optimizer`` whose groups have a rate; these keep their
            proportions, and what is told is the rate of the group with the largest.
        data: as for ``fit``; gone through again and again if it is too short.
        lowest: the first rate.
        highest: the last rate.
        updates: how many rates to try, equally far apart on a logarithmic scale.
        batch_size: samples in a batch; the right rate depends on it.
        seed: decides the order of the samples and all random numbers drawn by the model.
        smoothing: between 0 and 1: how much less a neighbour counts than a point, for each update
            between them. 1 smooths nothing.
        stop_factor: stop where the running mean of the loss exceeds its best by this factor.
        forward: takes the model and a whole batch, as for ``fit``.
        progress: show it.

    Raises:
        TypeError, ValueError: something is wrong with what was given; what, and what to do.
    """
    _need_numbers(lowest, highest, updates, smoothing, stop_factor)
    need_seed(seed)
    refuse_beside(model)
    check.model(model)
    check.loss_fn(loss_fn)
    check.optimizer(optimizer, model)
    check.repeatable("data", data, math.inf)
    _need_rates(optimizer)
    held = [p for group in optimizer.param_groups for p in group["params"]]
    rates = np.geomspace(lowest, highest, updates).tolist()
    shown = Progress(shown=progress, epochs=1, iterations=updates + 1, title="learning rates")
    with unheard(), untouched(model, loss_fn, data=data, tensors=held), train_mode(model):
        made = batches(data, batch_size=batch_size, seed=seed, dtype=float_type(model))
        call = model if forward is None else Forward(forward, model)
        made = made if forward is None else Whole(made)
        if seed is not None:
            seed_all(seed)
        items = Items(loss_fn, whole=forward is not None)
        sweep = _Sweep(_bound_copy(optimizer, held), rates, smoothing, stop_factor)
        with Interrupt() as interrupt, shown:
            loss = Terms(loss_fn)
            reason = sweep.run(call, loss, items, made, lambda: interrupt.requested, shown)
    found = _judge(sweep, reason, smoothing)
    shown.say(found.summary())
    return found


class _Sweep:
    """One update for each rate, and the loss that it led to."""

    def __init__(
        self, optimizer: Any, rates: list[float], smoothing: float, stop_factor: float
    ) -> None:
        self.optimizer, self._all = optimizer, rates
        self._smoothing, self._factor = smoothing, stop_factor
        self._before = self._made = 0
        base = [float(group["lr"]) for group in optimizer.param_groups]
        self._shares = [rate / max(base) for rate in base]
        self._since: list[float] = []  # losses since the last update
        self._mean = self._weight = 0.0
        self.limit = self._best = math.inf
        self._first = math.nan
        self.rates: list[float] = []
        self.losses: list[float] = []
        _when_it_moves(optimizer, self._count)

    def run(
        self,
        model: Any,
        loss_fn: Any,
        items: Items,
        made: Batches,
        stop: Callable[[], bool],
        shown: Progress,
    ) -> Reason:
        self._set(self._all[0])
        for moment in train(model, loss_fn, self.optimizer, _endless(made, items)):
            ending = None
            if moment.step is Step.LOSS:
                ending = self._see(_per_item(moment, items))
                shown.tick(1, self._made, self._live)
            elif moment.step is Step.UPDATE:
                self._after_update()
                ending = "interrupted" if stop() else None
            if ending is not None:
                return ending
        raise AssertionError("the batches never end")

    def _see(self, loss: float) -> Reason | None:
        self._since.append(loss)
        if len(self._since) > IDLE:
            raise ValueError(
                f"{IDLE} batches were seen without an update of the optimizer\n"
                "  do: a smaller window of accumulation, or see why its step does not move anything"
            )
        over = self._made == len(self._all)
        if (over or not math.isfinite(loss)) and self._made:
            self._close()
        if not math.isfinite(loss):
            return "nonfinite"
        self._judge(loss)
        if self._mean_now > self.limit:
            if self._made > len(self.losses):
                self._close()
            return "diverged"
        return "finished" if over else None

    def _judge(self, loss: float) -> None:
        # The running mean, without its bias towards zero. Of a loss near zero or below it a factor
        # says little: there the fall so far is the measure.
        self._mean += self._smoothing * (loss - self._mean)
        self._weight += self._smoothing * (1 - self._weight)
        if math.isnan(self._first):
            self._first = loss
        self._best = min(self._best, self._mean_now)
        scale = max(abs(self._best), self._first - self._best)
        self.limit = self._best + (self._factor - 1) * scale

    @property
    def _mean_now(self) -> float:
        return self._mean / self._weight

    def _after_update(self) -> None:
        if self._made == self._before:
            return  # inside a window of accumulation: nothing has moved
        if self._before:
            self._close()
        self._since, self._before = [], self._made
        self.rates.append(self._all[self._made - 1])
        if self._made < len(self._all):
            self._set(self._all[self._made])

    def _close(self) -> None:
        self.losses.append(sum(self._since) / len(self._since))

    def _count(self, *_: Any) -> None:
        self._made = self._before + 1

    def _set(self, rate: float) -> None:
        for group, share in zip(self.optimizer.param_groups, self._shares, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate * share)
            else:
                group["lr"] = rate * share

    def _live(self) -> dict[str, float]:
        return {"loss": self._mean_now, "learning_rate": self._all[max(self._made - 1, 0)]}


def _bound_copy(optimizer: Any, held: list[Any]) -> Any:
    """Copy the optimizer, but neither its parameters nor its hooks, nor a schedule's ``step``."""
    made = copy.deepcopy(optimizer, {id(parameter): parameter for parameter in held})
    layer = made
    while isinstance(layer, Wrapping):
        vars(layer).pop("step", None)  # a schedule's, which would step the original
        layer = layer.inner
    return made


def _when_it_moves(optimizer: Any, count: Callable[..., None]) -> None:
    if hasattr(optimizer, "register_step_post_hook"):
        optimizer.register_step_post_hook(count)
        return
    step = optimizer.step

    def counted(*args: Any) -> Any:
        result = step(*args)
        count()
        return result

    optimizer.step = counted


def _endless(made: Batches, items: Items) -> Iterator[Any]:
    """Go through the data again and again, without the batches in which nothing counts."""
    epoch = 0
    while True:
        epoch += 1
        empty = True
        for inputs, targets in made.epoch(epoch):
            if items(inputs, targets) > 0:
                empty = False
                yield inputs, targets
        if empty:
            raise ValueError(
                f"the data set is empty: epoch {epoch} gave no batch in which anything counts\n"
                "  do: check what makes the batches; it must start anew each time it is iterated"
            )


def _per_item(moment: Moment, items: Items) -> float:
    loss = float(moment.loss.detach() if isinstance(moment.loss, Tensor) else moment.loss)
    return loss / items(moment.inputs, moment.targets) if items.sums else loss


def _judge(sweep: _Sweep, reason: Reason, smoothing: float) -> RateSearch:
    count = min(len(sweep.rates), len(sweep.losses))
    rates, losses = sweep.rates[:count], sweep.losses[:count]
    smoothed, spread = smooth(losses, sweep.limit, smoothing)
    rate, message = suggest(rates, smoothed, spread, reason)
    return RateSearch(rates, losses, smoothed, rate, reason, message)


def _need_numbers(
    lowest: Any, highest: Any, updates: Any, smoothing: Any, stop_factor: Any
) -> None:
    need_count("updates", updates, least=LEAST)
    given = {"lowest": lowest, "highest": highest, "smoothing": smoothing}
    for name, value in (given | {"stop_factor": stop_factor}).items():
        real = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not real or not 0 < value < math.inf:
            raise ValueError(
                f"{name}={value!r} was given, and a finite number above 0 was expected"
            )
    if lowest >= highest:
        raise ValueError(
            f"lowest={lowest:g} and highest={highest:g} were given, and nothing lies between\n"
            "  do: lowest=1e-7, highest=10.0, for example"
        )
    if smoothing > 1:
        raise ValueError(
            f"smoothing={smoothing:g} was given, and at most 1 (no smoothing) was expected\n"
            "  do: smoothing=0.2, for example"
        )
    if stop_factor <= 1:
        raise ValueError(
            f"stop_factor={stop_factor:g} was given, and more than 1 was expected\n"
            "  do: stop_factor=4.0, for example"
        )


def _need_rates(optimizer: Any) -> None:
    if demands_closure(optimizer):
        raise TypeError(
            f"optimizer is {type(optimizer).__name__}, which evaluates the model as often as it "
            "likes within one update, and the loss after one rate says nothing about it\n"
            "  do: choose its rate by hand (1.0 with a line search), or search with another one"
        )
    rates = [group.get("lr") for group in optimizer.param_groups]
    known = [rate for rate in rates if isinstance(rate, (int, float, Tensor))]
    if len(known) < len(rates) or not any(math.isfinite(rate) and rate > 0 for rate in known):
        raise ValueError(
            f"the optimizer's groups have the rates {rates}, and numbers, one of them above 0, "
            "were expected\n  do: give every group a rate; their proportions are kept"
        )
