"""The average of the weights along the training: moving (EMA) or equal (SWA)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fivestep.arguments import pairs, spread
from fivestep.attach.nesting import nested
from fivestep.attach.overflow import overflowed
from fivestep.closure import demands_closure
from fivestep.modes import train_mode
from fivestep.randomness import preserved
from fivestep.unwrapped import clean_state, load_clean_state, unwrapped


def average(
    model: Any, optimizer: Any, *, decay: float | None = None, start: int = 0, every: int = 1
) -> Average:
    """Average the weights of ``model`` whenever ``optimizer`` has really moved them.

    Args:
        model: an ``nn.Module``; what wraps it is left outside.
        optimizer: of its parameters. Skipped and accumulated iterations are no updates.
        decay: in the moving average (EMA), the share of the old one, such as 0.999; None weighs
            all equally (SWA).
        start: updates before averaging begins.
        every: takes in one update of so many after ``start``: 15, 20, ... for 10 and 5.

    Returns:
        The ``Average``. The first weights taken in are its first value. Buffers (BatchNorm's
        statistics too, see ``reestimate``) are those of the model when it was last taken in.

    Raises:
        TypeError: no module, or an optimizer that wants a closure.
        ValueError: a number is out of range, or weights of 16 bits, in which small steps vanish.

    Source: https://arxiv.org/abs/1803.05407 (SWA), torch.optim.swa_utils
    """
    _check(unwrapped(model), optimizer, decay, start, every)
    return Average(unwrapped(model), optimizer, decay, start, every)


class Average:
    """The averaged model as it stands; made by ``average``."""

    def __init__(
        self, model: nn.Module, optimizer: Any, decay: float | None, start: int, every: int
    ) -> None:
        self._model, self._start, self._every = model, start, every
        self._updates = 0
        with _bare(model):
            self._averaged = AveragedModel(
                model, multi_avg_fn=None if decay is None else get_ema_multi_avg_fn(decay)
            )
        self._handle = optimizer.register_step_post_hook(self._after_update)

    @property
    def module(self) -> nn.Module:
        """The averaged model, live: a copy of the model, without what fivestep hung on that.

        Its modes are those that the model had. Call ``eval()`` before it predicts.
        """
        return self._averaged.module

    @property
    def updates(self) -> int:
        """How many updates are averaged; before the first, ``module`` is the model as it was."""
        return int(self._averaged.n_averaged)

    @property
    def seen(self) -> int:
        """How many updates it has seen, taken in or not."""
        return self._updates

    def go_on_from(self, seen: int, updates: int) -> None:
        """Count on from a checkpoint, whose average is loaded into ``module``."""
        self._updates = seen
        self._averaged.n_averaged.fill_(updates)

    def state(self) -> dict[str, Any]:
        """Collect the averaged weights and buffers: clean names, live tensors."""
        return clean_state(self.module)

    def copy_to(self, model: nn.Module) -> None:
        """Load the averaged weights and buffers into ``model``, wrapped or not."""
        load_clean_state(model, self.state())

    def remove(self) -> None:
        """Average no more; what was averaged stays."""
        self._handle.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _after_update(self, stepped: Any, *_: Any) -> None:
        if overflowed(stepped) or nested(stepped):
            return
        self._updates += 1
        beyond = self._updates - self._start
        if beyond > 0 and beyond % self._every == 0:
            self._averaged.update_parameters(self._model)


def needs_reestimation(module: Any) -> bool:
    """Tell whether ``module`` has a BatchNorm that keeps running statistics."""
    return isinstance(module, nn.Module) and bool(_norms(module))


def reestimate(
    module: nn.Module,
    batches: Iterable[Any],
    forward: Callable[[Any, Any], Any] | None = None,
) -> None:
    """Compute anew the BatchNorm statistics of ``module``, such as that of an ``Average``.

    The statistics of the averaged weights are not the average of the statistics. Each is the plain
    mean over the batches, each batch counting the same. Weights, all other buffers, modes and the
    random numbers are left as they were; a BatchNorm in eval mode in a module in train mode is
    frozen and stays so. Without a BatchNorm nothing is computed, and ``batches`` is not touched.

    Args:
        module: computes in train mode, Dropout included, as it did in the training.
        batches: pairs ``(inputs, targets)`` as in ``train``; any kind with ``forward``.
        forward: called with the module and the batch, instead of the module with the inputs.

    Raises:
        ValueError: there is no batch. After any error the statistics are put back.

    Source: torch.optim.swa_utils.update_bn
    """
    if not needs_reestimation(module):
        return
    forward = forward or _forward_of(module)
    with preserved(), train_mode(module), torch.no_grad():
        norms = [norm for norm in _norms(module) if norm.training]
        with _cumulative(norms), _kept_besides(module, norms):
            count = 0
            for count, batch in enumerate(batches, start=1):  # noqa: B007
                forward(module, batch)
            if norms and count == 0:
                raise ValueError(
                    "reestimate: there is no batch\n"
                    "  do: give an iterable that starts anew; a generator is used up after one pass"
                )


def _check(model: Any, optimizer: Any, decay: float | None, start: int, every: int) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"average: got {type(model).__name__}, whose weights cannot be found\n"
            "  do: pass an nn.Module"
        )
    if demands_closure(optimizer):
        raise TypeError(
            f"average: {type(optimizer).__name__} moves the weights several times within one "
            "update\n  do: leave average out, or use an optimizer that needs no closure"
        )
    if decay is not None and not 0.0 <= decay < 1.0:
        raise ValueError(f"average: got decay={decay}\n  do: choose 0 <= decay < 1, such as 0.999")
    if start < 0 or every < 1:
        raise ValueError(
            f"average: got start={start}, every={every}\n  do: choose start >= 0 and every >= 1"
        )
    small = [n for n, p in model.named_parameters() if p.is_floating_point() and p.itemsize < 4]
    if small:
        raise ValueError(
            f"average: {small[0]} has 16 bits or less, in which the small steps of an average "
            "vanish\n  do: keep the weights in float32 and use precision(...) for the speed"
        )


def _norms(module: nn.Module) -> list[_BatchNorm]:
    found = [part for part in module.modules() if isinstance(part, _BatchNorm)]
    return [norm for norm in found if norm.running_mean is not None]


def _forward_of(module: nn.Module) -> Callable[[Any, Any], Any]:
    arguments = spread(module)

    def forward(module: Any, batch: Any) -> Any:
        [(inputs, _)] = pairs([batch])
        args, kwargs = arguments(inputs)
        return module(*args, **kwargs)

    return forward


@contextmanager
def _cumulative(norms: list[_BatchNorm]) -> Generator[None]:
    """Let the statistics start anew as plain means; put them back if that fails."""
    before = [(norm.momentum, {n: b.clone() for n, b in norm.named_buffers()}) for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    try:
        yield
    except BaseException:
        for norm, (_, buffers) in zip(norms, before, strict=True):
            _write(dict(norm.named_buffers()), buffers)
        raise
    finally:
        for norm, (momentum, _) in zip(norms, before, strict=True):
            norm.momentum = momentum


@contextmanager
def _kept_besides(module: nn.Module, norms: list[_BatchNorm]) -> Generator[None]:
    """Put back what a forward in train mode writes to the other buffers."""
    statistics = {id(buffer) for norm in norms for buffer in norm.buffers()}
    others = {n: b for n, b in module.named_buffers() if id(b) not in statistics}
    before = {name: buffer.clone() for name, buffer in others.items()}
    try:
        yield
    finally:
        _write(others, before)


def _write(buffers: dict[str, Tensor], values: dict[str, Tensor]) -> None:
    for name, value in values.items():
        buffers[name].copy_(value)


@contextmanager
def _bare(model: nn.Module) -> Generator[None]:
    """Take fivestep's own hooks off while a copy is made: they belong to this one model."""
    tables: list[dict[int, Any]] = [
        table
        for part in model.modules()
        for table in (part._forward_pre_hooks, part._forward_hooks)  # pyright: ignore
    ]
    before = [dict(table) for table in tables]
    for table in tables:
        for key in [key for key, hook in table.items() if _is_ours(hook)]:
            del table[key]
    try:
        yield
    finally:
        for table, hooks in zip(tables, before, strict=True):
            table.clear()
            table.update(hooks)


def _is_ours(hook: Any) -> bool:
    owner = type(hook.__self__) if hasattr(hook, "__self__") else hook
    return getattr(owner, "__module__", "").split(".")[0] == "fivestep"
