"""How long, and how often: ``"3 epochs"``, ``"500 updates"``, ``"0.1 run"``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, Literal, NamedTuple, get_args

Unit = Literal["iteration", "update", "epoch", "run"]

UNITS: tuple[Unit, ...] = get_args(Unit)
_WORDS: dict[str, Unit] = {word: unit for unit in UNITS for word in (unit, f"{unit}s")}
_NUMBER = r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+(?:_\d+)*)?(?:\.\d+)?"
_FORM = re.compile(rf"({_NUMBER})\s*([a-z].*)?", re.IGNORECASE | re.DOTALL)
_EXAMPLES = "'3 epochs', '500 updates', '100 iterations' or '0.1 run'"
_ADVICE = {
    "step": "a step is one of the five (forward, loss, zero_grad, backward, update); say updates, "
    "or iterations",
    "batch": "a batch taken through the five steps is an iteration",
}
_FINEST = 10**6  # the largest denominator: 0.1 + 0.2 is meant as 3/10


class Duration(NamedTuple):
    """An amount of training, as made by ``duration``."""

    amount: int | float  # whole, but for parts of epochs and of the run
    unit: Unit

    def __str__(self) -> str:
        plural = "" if self.amount == 1 or self.unit == "run" else "s"
        return f"{self.amount} {self.unit}{plural}"


def duration(value: Any, name: str, *, unit: Unit = "update") -> Duration:
    """Read a duration.

    Args:
        value: text, ``"3 epochs"``; without a number one of it, ``"epoch"``; an ``int`` in
            ``unit``; or a ``Duration``. Iterations and updates are whole numbers from 1 on, epochs
            any number above 0, a run is a part in (0, 1]. ``"1_000 updates"`` and ``"1,000
            updates"`` are the same.
        name: what the option is called, for the message.
        unit: of a number that comes without one.

    Raises:
        TypeError: neither text nor an ``int``.
        ValueError: no duration; the message says what to write.
    """
    if isinstance(value, Duration):
        return _checked(value.amount, value.unit, value, name)
    if isinstance(value, int) and not isinstance(value, bool):
        return _checked(value, unit, value, name)
    if not isinstance(value, str):
        raise TypeError(
            f"{name}={value!r} is of type {type(value).__name__}, and a duration was expected\n"
            f"  do: {name}={_say_instead(value, unit)}"
        )
    form = _FORM.fullmatch(value.strip())
    if form is None:
        raise _unread(value, name, f"{name}={_EXAMPLES}, for example")
    amount, word = form[1].replace(",", "").replace("_", ""), (form[2] or "").lower()
    if word not in _WORDS or amount in ("+", "-"):
        raise _unread(value, name, _help(name, form[1], word, unit))
    return _checked(float(amount) if "." in amount else int(amount or 1), _WORDS[word], value, name)


def _checked(amount: Any, unit: Unit, value: Any, name: str) -> Duration:
    least = f"{name}='1 {unit}'"
    if unit == "run":
        if not 0 < amount <= 1:
            raise _unread(value, name, f"a run is counted in parts from 0 to 1: {name}='0.1 run'")
    elif not 0 < amount < math.inf:
        raise _unread(value, name, f"more than nothing, at least: {least}")
    elif unit != "epoch" and amount != int(amount):
        raise _unread(value, name, f"{unit}s are whole: {least}, for example")
    return Duration(int(amount) if amount == int(amount) else float(amount), unit)


def _unread(value: Any, name: str, do: str) -> ValueError:
    given = f"'{value}'" if isinstance(value, Duration) else repr(value)
    return ValueError(f"{name}={given} was given, and a duration was expected\n  do: {do}")


def _help(name: str, number: str, word: str, unit: Unit) -> str:
    if not word:
        return f"say of what: {name}='{number or 1} {_plural(unit, number)}'"
    if not number and (behind := re.search(r"\d[\d_,.]*", word)):
        number = behind[0]
    joined = re.sub(r"[^a-z]", "", word)
    alone = {"batches": "batch"}.get(joined, joined.removesuffix("s"))
    if alone in _ADVICE:
        meant: Unit = "update" if alone == "step" else "iteration"
        return f"{_ADVICE[alone]}: {name}='{_with(number, meant)}'"
    close = get_close_matches(joined, _WORDS, n=1)
    if close:
        return f"{name}='{_with(number, _WORDS[close[0]])}'"
    return f"count in iterations, updates, epochs or parts of the run: {name}={_EXAMPLES}"


def _with(number: str, unit: Unit) -> str:
    return f"{number} {_plural(unit, number)}" if number else unit


def _plural(unit: Unit, number: str) -> str:
    return unit if unit == "run" or number in ("", "1") else f"{unit}s"


def _say_instead(value: Any, unit: Unit) -> str:
    if isinstance(value, float) or hasattr(value, "dtype"):
        return f"'{value} {'run' if 0 < float(value) < 1 else unit + 's'}', with its unit as text"
    return f"{_EXAMPLES}, for example"


@dataclass(frozen=True)
class Lengths:
    """How long an epoch and the run are, as far as that is known; turns durations into counts.

    Where a count is not whole it is rounded up: what is meant is the first iteration, or the first
    update, at which the duration is over. A part of the run is taken of the run's whole count.

    Args:
        iterations_per_epoch: batches in an epoch.
        updates_per_epoch: with accumulation ceil(iterations_per_epoch / window), for the last
            window of an epoch is short; that, if it is not said.
        epochs: how many the run has.
        window: iterations in an update; if not said, the least that fits the other two.
        run: the run's length where it is not said in epochs.
    """

    iterations_per_epoch: int | None = None
    updates_per_epoch: int | None = None
    epochs: int | float | None = None
    window: int | None = None
    run: Duration | None = None

    def in_updates(self, duration: Duration) -> int:
        """Count the updates of a duration, rounded up.

        Raises:
            ValueError: what has to be known for it is not.
        """
        amount, unit = _exact(duration), duration.unit
        if unit == "update":
            return int(amount)
        if unit == "run":
            return _up(amount * self.in_updates(self._whole(duration)))
        iterations, window = self.iterations_per_epoch, self._window
        if unit == "iteration" and window == 1:
            return int(amount)
        if iterations is None or window is None:
            if unit == "epoch":
                return _up(amount * self._updates(duration))
            raise _unknown(duration, "updates", "iterations")
        batches = amount * iterations if unit == "epoch" else amount
        epochs, rest = divmod(batches, iterations)
        return epochs * self._updates(duration) + _up(rest / window)

    def in_iterations(self, duration: Duration) -> int:
        """Count the iterations of a duration, rounded up.

        Raises:
            ValueError: what has to be known for it is not.
        """
        amount, unit = _exact(duration), duration.unit
        if unit == "iteration":
            return int(amount)
        if unit == "run":
            return _up(amount * self.in_iterations(self._whole(duration)))
        if unit == "update" and self._window == 1:
            return int(amount)
        iterations, window = self.iterations_per_epoch, self._window
        if iterations is None or window is None:
            raise _unknown(duration, "iterations", "iterations")
        if unit == "epoch":
            return _up(amount * iterations)
        epochs, rest = divmod(int(amount), self._updates(duration))
        return epochs * iterations + rest * window

    def exact_updates(self, duration: Duration) -> Fraction:
        """Count the updates of epochs or of parts of the run, not rounded.

        Raises:
            ValueError: what has to be known for it is not.
        """
        if duration.unit == "run":
            return _exact(duration) * self.in_updates(self._whole(duration))
        return _exact(duration) * self._updates(duration)

    @property
    def _window(self) -> int | None:
        iterations, updates = self.iterations_per_epoch, self.updates_per_epoch
        if self.window is not None:
            return self.window
        if iterations is None:
            return None
        return 1 if updates is None else -(-iterations // updates)

    def _updates(self, duration: Duration) -> int:
        if self.updates_per_epoch is not None:
            return self.updates_per_epoch
        if self.iterations_per_epoch is None:
            raise _unknown(duration, "updates", "updates")
        return -(-self.iterations_per_epoch // (self.window or 1))

    def _whole(self, duration: Duration) -> Duration:
        if self.run is not None and self.run.unit != "run":
            return self.run
        if self.epochs is None:
            raise ValueError(
                f"'{duration}' was given, and how long the run is, is not known\n"
                "  do: say how long it is, or give the duration in updates"
            )
        return Duration(self.epochs, "epoch")


def _exact(duration: Duration) -> Fraction:
    # By way of the decimal figures: 0.7 of 10 is 7, not the 8 that 7.000000000000001 rounds up to.
    return Fraction(duration.amount).limit_denominator(_FINEST) or Fraction(duration.amount)


def _up(value: Fraction) -> int:
    return math.ceil(value)


def _unknown(duration: Duration, into: str, wanted: str) -> ValueError:
    return ValueError(
        f"'{duration}' was given, and cannot be counted in {into}: how many {wanted} an epoch has "
        f"is not known\n  do: give it in {into}, such as '500 {into}', or say {wanted}_per_epoch "
        "where that is asked for"
    )


class Every:
    """Tells what happens every so often whether it is due now: validation, logging, saving.

    Ask after each iteration, or after each update, or at the end of an epoch besides. It answers
    yes at most once for one update, so ask once and keep the answer.

    Whole epochs are due at the ends of epochs. Iterations and updates are due at their multiples;
    iterations, if only asked about at updates, with the first update at or after. Parts of epochs
    and of the run are due with the first update at or after each multiple, so that every second
    of ``"0.5 epochs"`` falls on the end of an epoch.

    Args:
        duration: how often.
        lengths: needed for parts of epochs and of the run.
        made: the iterations that were made before, where a training goes on.

    Raises:
        ValueError: the duration cannot be counted in updates with what is known.
    """

    def __init__(
        self, duration: Duration, lengths: Lengths | None = None, *, made: int = 0
    ) -> None:
        self.duration = duration
        self._at_epochs = duration.unit == "epoch" and isinstance(duration.amount, int)
        self._updates = _exact(duration)
        if duration.unit not in ("iteration", "update") and not self._at_epochs:
            self._updates = (lengths or Lengths()).exact_updates(duration)
        self._iteration = made  # when asked last
        self._update = 0  # when due last: nothing is before the first update

    @property
    def at(self) -> tuple[int, int]:
        """The iteration when asked last and the update when due last: all that it remembers."""
        return self._iteration, self._update

    @at.setter
    def at(self, at: tuple[int, int]) -> None:
        self._iteration, self._update = at

    def due(self, *, iteration: int, update: int, epoch: int, epoch_ended: bool = False) -> bool:
        """Tell whether it is due after so many iterations, updates and begun epochs, from 1.

        ``epoch_ended`` says that epoch ``epoch`` is over.
        """
        before, self._iteration = self._iteration, iteration
        if self._update == update or not self._reached(
            before, iteration, update, epoch_ended, epoch
        ):
            return False
        self._update = update
        return True

    def _reached(
        self, before: int, iteration: int, update: int, epoch_ended: bool, epoch: int
    ) -> bool:
        if self._at_epochs:
            return epoch_ended and epoch % self.duration.amount == 0
        if self.duration.unit == "iteration":
            return iteration // self.duration.amount > before // self.duration.amount
        return update // self._updates > (update - 1) // self._updates
