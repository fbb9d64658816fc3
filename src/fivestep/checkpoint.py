"""``Checkpoint``: where, how often and how many; and a hand-written loop that goes on by itself."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from fivestep.checkpoints.interval import interval
from fivestep.checkpoints.keeper import Keeper
from fivestep.checkpoints.objects import need_owners
from fivestep.counts import need_count, need_seed
from fivestep.looping import Loop


class Checkpoint:
    """Where ``fit(checkpoint=...)`` saves, how often, how many; more than the folder alone says.

    With the objects of a hand-written loop it saves that one, between two batches, and goes on
    where it was. Of the loop's own variables it keeps what stands in ``values``::

        checkpoint = fivestep.Checkpoint("runs/1", {"model": model, "optimizer": optimizer})
        for epoch in checkpoint.epochs(10):
            for inputs, targets in checkpoint.batches(loader):
                ...

    What stands in the epoch before its batches runs again when it goes on in the middle of one,
    and draws the same random numbers. ``enumerate`` counts anew then; ``batch`` does not.

    Args:
        folder: for this one training; it is made if it is not there.
        objects: modules, optimizers, schedulers, scalers, averages, generators, whatever has
            ``state_dict`` and ``load_state_dict``, by name. For ``fit`` leave it out.
        every: how often: ``"500 updates"``, ``"1 epoch"``, ``"10 minutes"``; if not said, so often
            that saving takes half a percent of the time, as measured.
        keep: how many, the newest.
        keep_best: keep the whole state at the best monitored value besides these. A validation
            of ``fit``, and ``monitor`` in a loop by hand, that finds a better one saves at once;
            where ``every`` is not said, only as long as saving stays within its half a percent.
            The best weights are in every save.
        failure: what to do when one cannot be written (a full disk, a folder that is gone):
            ``"go on"`` and say so, or ``"stop"``. Those written before stay what they are.
        strict: refuse what was saved of other objects; False loads what fits.
        seed: of a hand-written loop: it decides the order of the samples and all random numbers
            of every batch; the seed of ``fit`` is its own.

    Raises:
        TypeError, ValueError: something is wrong with what was given; what, and what to do.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        objects: Mapping[str, Any] | None = None,
        *,
        every: int | str | None = None,
        keep: int = 2,
        keep_best: bool = True,
        failure: Literal["go on", "stop"] = "go on",
        strict: bool = True,
        seed: int = 0,
    ) -> None:
        need_seed(seed)
        need_count("keep", keep)
        if not isinstance(keep_best, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"keep_best={keep_best!r} was given\n  do: choose True or False")
        if failure not in ("go on", "stop"):
            raise ValueError(f"failure={failure!r} was given\n  do: choose 'go on' or 'stop'")
        # As it is now: a script may change its directory while it trains.
        self.folder = Path(folder).expanduser().absolute()
        self.every, self.keep = interval(every), keep
        self.failure, self.strict, self.seed = failure, strict, seed
        self.keep_best = keep_best
        self._values: dict[str, Any] = {}
        self._objects = None if objects is None else dict(objects)
        self._loop: Loop | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Plain values, tensors, lists and dicts of these: a best loss, a count. Saved too."""
        return self._values

    @values.setter
    def values(self, given: Mapping[str, Any]) -> None:
        given = dict(given)  # it may be the very same
        self._values.clear()
        self._values.update(given)

    @property
    def batch(self) -> int:
        """The place of the batch at hand in its epoch, from 0; the same after going on."""
        return self._going.batch

    @property
    def iteration(self) -> int:
        """The batches before the one at hand, in all epochs."""
        return self._going.iteration

    def monitor(self, value: float | Tensor, *, mode: Literal["min", "max"] = "min") -> bool:
        """Follow one value in a hand-written loop: return whether it is the best so far.

        If so, the weights of all modules, as they are now, are kept as the best ones: every save
        from here on holds them (``fivestep.weights``). The whole state is saved where the batch at
        hand ends, or the epoch where its batches are over, and stays besides the newest; where
        ``every`` is not said, only as long as saving stays within its half a percent. The best
        value is saved, too: it is the best of all, however often the loop goes on.

        Args:
            value: a validation loss, an accuracy: one number. NaN is never the best.
            mode: whether a smaller one is better, or a larger one.

        Raises:
            TypeError, ValueError: it is no number, it is called outside of the loop or before the
                batches of an epoch, or it follows another ``mode`` than before.
        """
        if mode not in ("min", "max"):
            raise ValueError(f"mode={mode!r} was given\n  do: choose 'min' or 'max'")
        return self._going.monitor(_number(value), mode)

    @property
    def _going(self) -> Loop:
        if self._loop is None:
            raise ValueError(
                "checkpoint was asked for its place outside of checkpoint.epochs\n"
                "  do: for epoch in checkpoint.epochs(10): for batch in checkpoint.batches(loader)"
            )
        return self._loop

    def epochs(self, count: int) -> Generator[int]:
        """Count the epochs from 1, or from the one that what was saved is in.

        Raises:
            ValueError: the objects are not those that were saved, or an optimizer moves
                parameters of none of them; which.
            OSError: nothing can be written, or what was there cannot be read.
            SystemExit: with code 75, after Ctrl-C or SIGTERM: the iteration is done and saved.
        """
        need_count("epochs", count)
        if self._objects is None:
            raise TypeError(
                "checkpoint.epochs was called on a Checkpoint without objects\n"
                "  do: fivestep.Checkpoint('DIR', {'model': model, 'optimizer': optimizer})"
            )
        need_owners(self._objects)
        stops = self.failure == "stop"
        keeper = Keeper(
            self.folder, keep=self.keep, keep_best=self.keep_best, stops=stops, say=_say
        )
        self._loop = Loop(
            keeper, self._objects, self.values, every=self.every, seed=self.seed,
            strict=self.strict, keep_best=self.keep_best,
        )  # fmt: skip
        return self._loop.epochs(count)

    def batches(
        self, data: Any, *, batch_size: int | None = None, shuffle: bool | None = None
    ) -> Iterator[Any]:
        """Hand out the batches of this epoch, each under its own random numbers.

        Args:
            data: what ``fivestep.batches`` takes: a ``DataLoader``, tensors, any iterable.
            batch_size: as there.
            shuffle: as there.
        """
        if self._loop is None:
            raise ValueError(
                "checkpoint.batches was called outside of checkpoint.epochs\n"
                "  do: for epoch in checkpoint.epochs(10): for batch in checkpoint.batches(loader)"
            )
        return self._loop.batches(data, batch_size, shuffle)


def _number(value: Any) -> float:
    size = value.numel() if isinstance(value, Tensor) else getattr(value, "size", 1)
    if isinstance(size, int) and size != 1:
        raise ValueError(
            f"value of shape {list(value.shape)} was given, and one number was expected\n"
            "  do: value.mean(), for example"
        )
    try:
        if not isinstance(value, (str, bytes)):
            return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        pass
    raise TypeError(
        f"value={value!r} is of type {type(value).__name__}, and a number was expected\n"
        "  do: checkpoint.monitor(validation_loss)"
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def checkpoint_of(value: Any) -> Checkpoint | None:
    """Read the option ``checkpoint`` of ``fit``."""
    if value is None or isinstance(value, Checkpoint):
        return value
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(
            f"checkpoint={value!r} is of type {type(value).__name__}, and a folder was expected\n"
            "  do: checkpoint='runs/digits', or fivestep.Checkpoint('runs/digits', every='1 epoch')"
        )
    return Checkpoint(value)


def minutes_of(value: Any) -> float | None:
    """Read the option ``max_minutes`` of ``fit``."""
    if value is None:
        return None
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not real or not 0 < value < math.inf:
        raise ValueError(
            f"max_minutes={value!r} was given, and a number of minutes was expected\n"
            "  do: max_minutes=55, for example"
        )
    return float(value)
