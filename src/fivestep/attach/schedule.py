"""Move the learning rate with the optimizer: once every so many updates, never without one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from fivestep.arguments import describe
from fivestep.attach.nesting import nested
from fivestep.attach.overflow import overflowed
from fivestep.attach.wrapping import core
from fivestep.counts import need_count
from fivestep.durations import Duration, Lengths, duration


@dataclass(frozen=True)
class Shape:
    """A course of the rate, as a factor of what the optimizer was made with.

    Before update ``k``, counted from 0, of a run of ``T`` updates, ``W`` of them the warm-up:

    * ``k < W``: ``(k + 1) / W``. The first update is not at rate 0, which would waste it, and the
      last of the warm-up is at the full rate.
    * from then on with ``p = (k - W) / (T - W)``: ``"cosine"`` is ``lowest + (1 - lowest) * (1 +
      cos(pi p)) / 2``, ``"linear"`` is ``1 - (1 - lowest) * p``, ``"constant"`` is 1.

    So the last update, ``T - 1``, is one step above ``lowest``, which is what the rate has come
    to when the run is over: with ``lowest=0`` no update is at rate 0, neither the first nor the
    last. It is torch's own convention, in ``CosineAnnealingLR(T_max=T - W)``. Beyond the run the
    factor stays.
    """

    kind: Literal["cosine", "linear", "constant"]
    warmup: Duration | None = None
    lowest: float = 0.0

    def resolve(self, lengths: Lengths) -> Callable[[int], float]:
        """Make the function from the number of an update, from 0, to its factor.

        Raises:
            ValueError: the warm-up is longer than the run, or a length is needed and not known.
        """
        warmup = 0 if self.warmup is None else lengths.in_updates(self.warmup)
        total = None if self.kind == "constant" else _total(self, lengths)
        if total is not None and warmup > total:
            raise ValueError(
                f"warmup='{self.warmup}' is {warmup} updates, and the whole run makes {total}\n"
                "  do: warmup='0.1 run', for example"
            )

        # A function, for LambdaLR would save the figures of an object, and put those of a shorter
        # run back into the longer one that goes on from its checkpoint.
        def factor(update: int) -> float:
            if update < warmup:
                return (update + 1) / warmup
            if total is None:
                return 1.0
            progress = (update - warmup) / (total - warmup) if update < total else 1.0
            return self._fallen(progress)

        return factor

    def _fallen(self, progress: float) -> float:
        if self.kind == "linear":
            return 1 - (1 - self.lowest) * progress
        return self.lowest + (1 - self.lowest) * (1 + math.cos(math.pi * progress)) / 2


def cosine(*, warmup: Any = None, lowest: float = 0.0) -> Shape:
    """Let the rate fall along half a cosine until the run is over.

    Args:
        warmup: a duration, ``"0.1 run"`` or ``"500 updates"``, in which it rises linearly before.
        lowest: where it ends, as a part of the full rate, from 0 to 1.

    Source: https://arxiv.org/abs/1608.03983 (SGDR, without restarts); the warm-up,
        https://arxiv.org/abs/1706.02677 (Goyal et al., section 2.2)
    """
    return Shape("cosine", _warmup(warmup), _lowest(lowest))


def linear(*, warmup: Any = None, lowest: float = 0.0) -> Shape:
    """Let the rate fall along a straight line until the run is over.

    Args:
        warmup: a duration, ``"0.1 run"`` or ``"500 updates"``, in which it rises linearly before.
        lowest: where it ends, as a part of the full rate, from 0 to 1.

    Source: the warm-up, https://arxiv.org/abs/1706.02677 (Goyal et al., section 2.2)
    """
    return Shape("linear", _warmup(warmup), _lowest(lowest))


def constant(*, warmup: Any = None) -> Shape:
    """Hold the rate, after a warm-up in which it rises linearly.

    Args:
        warmup: a duration, ``"500 updates"`` or ``"1 epoch"``.

    Source: https://arxiv.org/abs/1706.02677 (Goyal et al., section 2.2)
    """
    return Shape("constant", _warmup(warmup), 1.0)


class Attached:
    """What ``schedule`` hung on an optimizer. ``with`` removes it at the end.

    Attributes:
        scheduler: torch's; its state goes into a checkpoint, beside ``updates``.
        every: the updates between two of its steps.
        updates: how many updates it has seen. Set it where a training goes on.
    """

    def __init__(self, optimizer: Any, scheduler: LRScheduler, *, every: int) -> None:
        self.scheduler, self.every, self.updates = scheduler, every, 0
        self._optimizer = optimizer
        self._handle = optimizer.register_step_post_hook(self._after_update)

    @property
    def rates(self) -> list[float]:
        """The rates of the next update, one for each group of the optimizer."""
        return [float(group["lr"]) for group in self._optimizer.param_groups]

    def remove(self) -> None:
        """Step the schedule no more; the rates stay where they are."""
        self._handle.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _after_update(self, stepped: Any, args: Any, kwargs: Any) -> None:
        if overflowed(stepped) or nested(stepped):
            return
        self.updates += 1
        if self.updates % self.every == 0:
            # torch warns unless `step` was called on the very object that the scheduler was made
            # with. It may be a wrapping of the one that moved, and move it did.
            cast("Any", self.scheduler).optimizer._opt_called = True
            self.scheduler.step()


def schedule(
    optimizer: Any,
    shape: Shape | LRScheduler,
    *,
    run: Any = None,
    every: Any = "1 update",
    updates_per_epoch: int | None = None,
    iterations_per_epoch: int | None = None,
) -> Attached:
    """Step a schedule with the updates of ``optimizer``, for as long as it makes them.

    It counts updates, so it is the same under accumulation and on any number of ranks, and it
    stands still when an update was not made: skipped by GradScaler, or by ``nonfinite="skip"``.
    An epoch is so many updates, ``updates_per_epoch``: where some were skipped it is over later.

    Args:
        optimizer: any ``torch.optim.Optimizer`` or a wrapping of one.
        shape: ``cosine``, ``linear`` or ``constant``, which multiply the rates that the groups
            were made with; or any ``LRScheduler`` made with this optimizer, which must not be
            stepped elsewhere then.
        run: a duration, the length of the whole training. A shape that falls needs it.
        every: a duration, how often it is stepped. In parts of an epoch it is rounded up.
        updates_per_epoch: for durations in epochs. With accumulation ceil(iterations / window).
        iterations_per_epoch: for durations in iterations; without ``updates_per_epoch`` there is
            no accumulation, and both are the same.

    Returns:
        A handle: ``scheduler``, ``rates`` of the next update, ``remove()``.

    Raises:
        TypeError, ValueError: something is wrong with what was given; what, and what to do.
    """
    _refuse(optimizer, shape)
    counts = {"updates_per_epoch": updates_per_epoch, "iterations_per_epoch": iterations_per_epoch}
    for name, count in counts.items():
        if count is not None:
            need_count(name, count)
    lengths = Lengths(
        iterations_per_epoch,
        updates_per_epoch,
        run=None if run is None else _length(run),
    )
    steps = lengths.in_updates(interval(every, "every"))
    if isinstance(shape, Shape):
        factor = shape.resolve(lengths)
        scheduler = LambdaLR(_innermost(optimizer), lambda step: factor(step * steps))
    else:
        scheduler = shape
    return Attached(optimizer, scheduler, every=steps)


def _total(shape: Shape, lengths: Lengths) -> int:
    if lengths.run is None and lengths.epochs is None:
        raise ValueError(
            f"a {shape.kind} schedule was given without the length of the run, at whose end it is "
            "to arrive\n  do: run='1000 updates', or run='10 epochs' with updates_per_epoch"
        )
    return lengths.in_updates(Duration(1, "run"))


def _innermost(optimizer: Any) -> Any:
    # A scheduler replaces the `step` of its optimizer: that of the plain one, which copies and
    # pickles without it. A wrapping of several has no one to stand for it.
    inner = core(optimizer)
    return inner if inner.param_groups is optimizer.param_groups else optimizer


def _length(run: Any) -> Duration:
    length = duration(run, "run")
    if length.unit == "run":
        raise ValueError(
            f"run={run!r} was given, which measures the run by itself\n"
            "  do: run='10 epochs', or run='1000 updates'"
        )
    return length


def interval(every: Any, name: str) -> Duration:
    """Read how often a schedule moves; ``name`` is that of the option.

    Raises:
        TypeError, ValueError: no duration, or one in iterations.
    """
    found = duration(every, name)
    if found.unit == "iteration":
        raise ValueError(
            f"{name}={every!r} was given, and a schedule moves with the optimizer, not with the "
            f"batches\n  do: {name}='1 update', or {name}='1 epoch'"
        )
    return found


def _warmup(value: Any) -> Duration | None:
    return None if value is None else duration(value, "warmup")


def _lowest(value: Any) -> float:
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not real or not 0 <= value <= 1:
        raise ValueError(
            f"lowest={value!r} was given, and a part of the full rate from 0 to 1 was expected\n"
            "  do: lowest=0.1 ends at a tenth of it"
        )
    return float(value)


def _refuse(optimizer: Any, shape: Any) -> None:
    if not hasattr(optimizer, "register_step_post_hook"):
        raise TypeError(
            f"optimizer is {describe(optimizer)}, and a torch.optim.Optimizer was expected\n"
            "  do: schedule(optimizer, cosine(), run='1000 updates')"
        )
    if isinstance(shape, ReduceLROnPlateau):
        raise TypeError(
            "a ReduceLROnPlateau was given, which is stepped with a value, and an update has none\n"
            "  do: scheduler.step(validation_loss) after each validation; fit(schedule=...) does so"
        )
    if isinstance(shape, Shape):
        return
    if not isinstance(shape, LRScheduler):
        called = isinstance(shape, type) or any(shape is s for s in (cosine, linear, constant))
        name = getattr(shape, "__name__", "")
        raise TypeError(
            f"the schedule is {describe(shape)} ({shape!r:.60}), and a shape or a "
            "torch.optim.lr_scheduler was expected\n"
            f"  do: {_call(name) if called else 'cosine(), for example'}"
        )
    own = {id(group) for group in optimizer.param_groups}
    if not own.issuperset(map(id, shape.optimizer.param_groups)):
        raise ValueError(
            f"the {type(shape).__name__} was made with another optimizer than the one given\n"
            "  do: make it with the optimizer that makes the updates, or with a wrapping of it"
        )


def _call(name: str) -> str:
    plain = name in ("cosine", "linear", "constant")
    return f"{name}()" if plain else f"{name}(optimizer, ...), an instance"
