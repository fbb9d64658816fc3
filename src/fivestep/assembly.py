"""What ``fit`` trains with: the user's objects, and what hangs on them until the end."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self, cast

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from fivestep.arguments import Forward
from fivestep.attach.accumulate import Accumulated, accumulate
from fivestep.attach.average import Average, average, reestimate
from fivestep.attach.clip import clip
from fivestep.attach.lowered import Lowered
from fivestep.attach.nesting import nested
from fivestep.attach.precision import Scaled, autocast, scaled
from fivestep.attach.schedule import Attached, Shape, schedule
from fivestep.attach.tf32 import tf32
from fivestep.durations import Duration
from fivestep.finite import gradient_norm
from fivestep.items import Items, reduction_of
from fivestep.listen import unheard
from fivestep.plan import Plan
from fivestep.randomness import preserved
from fivestep.terms import Terms

EPOCH = Duration(1, "epoch")


class Assembly:
    """Hangs the pieces of a plan on model and optimizer, and takes them off again.

    Attributes:
        call: makes a prediction from the inputs of a batch.
        loss_fn: the user's, which may answer with several terms.
        optimizer: the outermost one, which the loop steps.
        accumulated: the same, if it updates once in several batches.
        scaled: the optimizer that takes a scale off the gradients (float16).
        average: the averaged weights, if that was asked for.
        items: counts what a batch's mean loss is the mean of.
        update: how often the weights were moved.
        rates: of the last update, where a schedule has moved them since.
        schedule: what moves the rate with the updates, if something does.
        lowered: what lowers the rates after going back, in a training that is saved.
    """

    def __init__(self, plan: Plan) -> None:
        self._stack, self._plan = ExitStack(), plan
        self.update = 0
        self.rates: list[float] | None = None
        self.accumulated: Accumulated | None = None
        self.scaled: Scaled | None = None
        self.average: Average | None = None
        self.schedule: Attached | None = None
        self.lowered: Lowered | None = None
        self._norm: _Norm | None = None
        self._counts = False
        self._settled = -1  # the update whose averaged weights have their statistics

    def __enter__(self) -> Self:
        try:
            self._assemble()
        except BaseException:
            self._stack.close()
            raise
        return self

    def _assemble(self) -> None:
        plan = self._plan
        model = torch.compile(plan.model) if plan.compile else plan.model
        self.loss_fn = Terms(plan.loss_fn)
        self.items = Items(plan.loss_fn, plan.items, whole=plan.forward is not None)
        self.optimizer: Any = plan.optimizer
        if plan.checkpointed and hasattr(self.optimizer, "register_step_pre_hook"):
            self.lowered = Lowered(self.optimizer)  # first: a schedule is to see the rate put back
            self._hang(self.lowered)
        if plan.tf32 is not None:
            self._stack.enter_context(tf32(plan.tf32))
        self._in_precision(model)
        self.call: Any = model if plan.forward is None else Forward(plan.forward, model)
        if plan.average is not None:
            self._average(plan)
        bears_hooks = hasattr(self.optimizer, "register_step_pre_hook")
        if bears_hooks and (plan.accumulate > 1 or self.scaled is not None):
            self._norm = _Norm(self.optimizer)
            self._hang(self.optimizer.register_step_pre_hook(self._norm))
        if plan.accumulate > 1:
            reduction = "sum" if reduction_of(plan.loss_fn) == "sum" else "mean"
            self.optimizer = self.accumulated = accumulate(
                self.optimizer, plan.accumulate, reduction=reduction
            )
        self._hang_on_updates()
        if hasattr(self.optimizer, "register_step_post_hook"):
            self._counts = True
            self._hang(self.optimizer.register_step_post_hook(self._moved))

    def _average(self, plan: Plan) -> None:
        decay = plan.average if isinstance(plan.average, float) else None
        in_updates = plan.lengths.in_updates
        start = in_updates(plan.average_start) if decay is None else 0
        every = in_updates(plan.average_every)
        self.average = average(plan.model, self.optimizer, decay=decay, start=start, every=every)
        self._hang(self.average)
        if plan.precision == "bfloat16" or plan.precision == "float16":
            self._hang(autocast(self.average.module, plan.precision))

    @property
    def saved(self) -> Any:
        """The module whose weights are validated and kept: the averaged one, once there is one."""
        if self.average is not None and self.average.updates:
            return self.average.module
        return self._plan.model

    @property
    def validated(self) -> Any:
        """What makes the predictions of a validation."""
        saved, forward = self.saved, self._plan.forward
        if saved is self._plan.model:
            return self.call
        return saved if forward is None else Forward(forward, saved)

    def settle(self) -> None:
        """Compute the BatchNorm statistics of averaged weights, by going through the data."""
        if self.average is None or not self.average.updates or self._settled == self.update:
            return
        self._settled = self.update
        forward, train = self._plan.forward, self._plan.train

        def of_pair(model: Any, pair: Any) -> Any:
            return None if forward is None else forward(model, pair[0])

        with unheard(), preserved(*train.generators):
            over = None if forward is None else of_pair
            reestimate(self.average.module, train.epoch(1), over)

    def _in_precision(self, model: Any) -> None:
        plan = self._plan
        if plan.precision == "bfloat16" or plan.precision == "float16":
            self._hang(autocast(model, plan.precision))
        if plan.precision == "float16":
            self.optimizer = self.scaled = scaled(model, self.optimizer)
            self._hang(self.scaled)

    def _hang_on_updates(self) -> None:
        plan = self._plan
        if plan.clip is not None or plan.clip_value is not None:
            self._hang(clip(self.optimizer, norm=plan.clip, value=plan.clip_value))
        moves = isinstance(plan.schedule, (Shape, LRScheduler)) and not plan.by_epoch
        if moves and not isinstance(plan.schedule, ReduceLROnPlateau):
            self._hang(self.optimizer.register_step_pre_hook(self._keep_rates))
            lengths, known = plan.lengths, plan.lengths.iterations_per_epoch is not None
            self.schedule = schedule(
                self.optimizer, plan.schedule, run=lengths.run, every=plan.schedule_every,
                updates_per_epoch=lengths.in_updates(EPOCH) if known else None,
                iterations_per_epoch=lengths.iterations_per_epoch,
            )  # fmt: skip
            self._hang(self.schedule)

    def _keep_rates(self, *_: Any) -> None:
        self.rates = self.current_rates()

    def current_rates(self) -> list[float]:
        """The rates that an update is made with at this point, one for each group."""
        if self.lowered is not None:
            return self.lowered.rates()
        return [float(group.get("lr", "nan")) for group in self.optimizer.param_groups]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _hang(self, handle: Any) -> None:
        self._stack.callback(handle.remove)

    def _moved(self, moving: Any, *_: Any) -> None:
        self.update += not nested(moving)

    def stepped(self) -> None:
        """Count an update of an optimizer that knows no hooks, and so moves at every step."""
        if not self._counts:
            self.update += 1

    def state(self) -> dict[str, Any]:
        """Collect what it has counted; what hangs on the objects has a state of its own."""
        norm = None if self._norm is None else self._norm.read()
        return {
            "update": self.update, "rates": self.rates, "settled": self._settled, "norm": norm,
        }  # fmt: skip

    def go_on_from(self, state: dict[str, Any]) -> None:
        """Count on from there."""
        self.update, self.rates, self._settled = state["update"], state["rates"], state["settled"]
        if self._norm is not None:
            self._norm.last = state["norm"]

    def expect(self, items: float) -> None:
        """Tell the optimizer how many items the batch at hand holds, if it wants to know."""
        if self.accumulated is not None:
            self.accumulated.expect(items)

    def pass_over(self) -> None:
        """Count a batch without items in its window, where it has a place and no weight."""
        if self.accumulated is not None:
            self.accumulated.step()

    def flush(self) -> None:
        """Make an update of a window that is short because the data ended."""
        if self.accumulated is not None:
            self.accumulated.flush()

    def gradient_norm(self, measured: float) -> float:
        """Return the norm of the last update's gradient; ``measured`` is that of the last batch."""
        return measured if self._norm is None else self._norm.read()


class _Norm:
    """Measures the gradient of each update, before it is clipped."""

    def __init__(self, optimizer: Any) -> None:
        self._parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.last: Tensor | float | None = None

    def __call__(self, moving: Any, *_: Any) -> None:
        if nested(moving):
            return
        self.last = gradient_norm([p.grad for p in self._parameters if p.grad is not None])

    def read(self) -> float:
        return float("nan") if self.last is None else float(cast("Any", self.last))
