"""Accumulation: one update from several batches, exactly that of all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from fivestep.attach.wrapping import Wrapping
from fivestep.closure import demands_closure
from fivestep.counts import need_count
from fivestep.items import Items


def accumulate(
    optimizer: Any,
    window: int,
    *,
    items: Callable[[Any], Any] | None = None,
    reduction: Literal["mean", "sum"] = "mean",
) -> Accumulated:
    """Make an optimizer that updates once in ``window`` batches, as if they had been one batch.

    The gradient of an update is the mean over all items that the window really held: a batch with
    more of them weighs more, one with none weighs nothing, and a last window that is short is a
    real update of its own size. The loop stays as it is, the order of its steps too::

        optimizer = fivestep.accumulate(optimizer, 4)
        for inputs, targets in optimizer.batches(loader):
            loss = loss_fn(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    The loss is not divided. The sums of a window are held beside the gradients of the batch at
    hand: the memory of one more gradient per parameter.

    Args:
        optimizer: any ``torch.optim.Optimizer`` that needs no closure; clipping, schedules and
            averages attached to it act once per update.
        window: batches in an update.
        items: takes a batch and returns how many items its mean loss is the mean of, e.g. the
            tokens that are not ignored: ``lambda batch: (batch[1] != -100).sum()``. Samples if not
            said.
        reduction: what the loss does with the items of a batch, as torch's losses call it. Of
            ``"sum"`` the gradients are added up and not divided.

    Raises:
        TypeError: the optimizer demands a closure (LBFGS).
        ValueError: ``window`` or ``reduction`` is none.
    """
    need_count("window", window)
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction={reduction!r} was given\n  do: choose one of 'mean', 'sum'")
    if demands_closure(optimizer):
        raise TypeError(
            f"{type(optimizer).__name__} evaluates the loss itself within one step, and a window "
            "of batches cannot be evaluated again\n  do: use larger batches, or another optimizer"
        )
    return Accumulated(optimizer, window, items=items, sums=reduction == "sum")


class Accumulated(Wrapping):
    """An optimizer that takes the gradients of each batch in and moves once per window."""

    def __init__(
        self, inner: Any, window: int, *, items: Callable[[Any], Any] | None, sums: bool
    ) -> None:
        super().__init__(inner)
        self.window = window
        self._items = Items(None, items)
        self._sums = Sums(divide=not sums)
        self._next: float | None = None  # items of the batch at hand

    @property
    def held(self) -> int:
        """The batches that the open window holds; 0 just after an update."""
        return self._sums.batches

    @property
    def clears(self) -> bool:
        """Tell whether ``zero_grad`` has anything to clear: not within a window."""
        return not self._sums.batches

    def batches(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Hand on each batch, count its items, and make the last window's update at the end.

        What the last update left in the gradients is cleared before a window begins, too.
        What a loop that was left early had gathered is dropped when the next one starts; call
        ``flush`` to make an update of it.
        """
        self.drop()
        for batch in batches:
            if self.clears:  # a loop that forgot to would add the last window to this one
                self.inner.zero_grad()
            self.expect(self._items.of_batch(batch))
            yield batch
        self.flush()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear what the last update left; within a window there is nothing to clear."""
        if self.clears or any(p.grad is not None for p in self._parameters()):
            self.inner.zero_grad(set_to_none=set_to_none)

    def expect(self, items: float) -> None:
        """Say how many items the next batch holds, in a loop that does without ``batches``."""
        self._next = items

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take in the gradients of one batch; move the weights if the window is full."""
        if self._next is None:
            raise ValueError(
                "step() was called and nobody said how many items the batch holds\n"
                "  do: for batch in optimizer.batches(loader): ..., which counts them; or "
                "optimizer.expect(len(inputs)) before each step"
            )
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        items, self._next = self._next, None
        self._sums.take(self._parameters(), items)
        if self._sums.batches >= self.window:
            self.flush()
        return loss

    def flush(self) -> bool:
        """Make an update of what the window holds; return whether there was anything in it."""
        if not self._sums.batches:
            return False
        held = self._sums.place(self._parameters())
        if held:
            self.inner.step()
        return held

    def drop(self) -> None:
        """Forget what the open window holds."""
        self._sums.clear()
        self._next = None

    def opened(self) -> Opened:
        """Return what the open window holds, live: for a checkpoint."""
        return self._sums.opened

    def reopen(self, window: Opened) -> None:
        """Go on with a window that ``opened`` returned."""
        self._sums.opened = window
        self._next = None

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.inner.param_groups for p in group["params"]]


class Opened(NamedTuple):
    """A window that is not full yet: its gradients by parameter, batches, those with items."""

    gradients: dict[Any, Tensor]
    batches: int
    filled: int
    items: float


class Sums:
    """The gradients of a window's batches, each multiplied by the items of its batch."""

    def __init__(self, *, divide: bool) -> None:
        self._divide = divide
        self.clear()

    def clear(self) -> None:
        """Start a new window."""
        self._gradients: dict[Tensor, Tensor] = {}
        self.batches = self._filled = 0  # all of them, and those with items
        self._items = 0.0

    @property
    def opened(self) -> Opened:
        """All of it. The gradients are added to out of place, so this stays what it is."""
        return Opened(dict(self._gradients), self.batches, self._filled, self._items)

    @opened.setter
    def opened(self, window: Opened) -> None:
        self._gradients = dict(window.gradients)
        self.batches, self._filled, self._items = window[1:]

    @torch.no_grad()
    def take(self, parameters: list[Tensor], items: float) -> None:
        """Take the gradients off ``parameters``. Those of no items (0 / 0) are thrown away."""
        self.batches += 1
        taken = _taken(parameters)
        if items == 0:
            return
        if self._filled == 0:
            self._gradients = taken  # as they are: a window of one batch is that batch to the bit
        else:
            if self._filled == 1:
                self._weigh()
            self._add(taken, items if self._divide else 1.0)
        self._filled += 1
        self._items += items

    @torch.no_grad()
    def place(self, parameters: list[Tensor]) -> bool:
        """Put the window's gradient where the optimizer looks for it; False if it has no items."""
        divisor = self._items if self._divide and self._filled > 1 else 1.0
        for parameter in parameters:
            held = self._gradients.get(parameter)
            if held is not None:
                whole = held if divisor == 1.0 else held / divisor
                parameter.grad = whole.to(parameter.dtype)
        filled = self._filled > 0
        self.clear()
        return filled

    def _weigh(self) -> None:
        weight = self._items if self._divide else 1.0
        self._gradients = {p: _wide(held) * weight for p, held in self._gradients.items()}

    def _add(self, taken: dict[Tensor, Tensor], weight: float) -> None:
        for parameter, gradient in taken.items():
            held = self._gradients.get(parameter)
            more = _wide(gradient) * weight
            self._gradients[parameter] = more if held is None else held + more


def _taken(parameters: list[Tensor]) -> dict[Tensor, Tensor]:
    taken: dict[Tensor, Tensor] = {}
    for parameter in parameters:
        if (gradient := parameter.grad) is not None:
            # DDP may hand out views of its buckets, which the next backward writes over.
            shared = gradient.layout is torch.strided and gradient._is_view()
            taken[parameter] = gradient.detach().clone() if shared else gradient.detach()
            parameter.grad = None
    return taken


def _wide(gradient: Tensor) -> Tensor:
    # A sum of many in 8 or 11 bits would lose the small ones.
    half = gradient.dtype in (torch.float16, torch.bfloat16)
    return gradient.float() if half else gradient
