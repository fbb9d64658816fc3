"""What was shown of one guarantee: a verdict, the measurements behind it, what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Verdict(Enum):
    """What came of a guarantee on this model, loss and data."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_APPLICABLE = "not applicable"
    NOT_PROVED = "not proved"


class Measure(NamedTuple):
    """One comparison: how far apart two things are, where most, and how far they may be.

    ``relative`` is ``absolute`` divided by ``of``, the largest absolute value compared.
    """

    what: str  # was compared with what
    dtype: str  # in which it was computed
    absolute: float  # the largest difference; inf where one side has nothing to compare
    relative: float
    where: str  # of the largest difference: a parameter with its element, a key, a module
    bound: float  # of `absolute`; 0 asks for the same bits
    why: str  # this bound
    equal: bool  # to the last bit
    decides: bool = True  # else it is told beside the one that does

    @property
    def holds(self) -> bool:
        """Tell whether the difference is within its bound; NaN is not."""
        return self.equal if self.bound == 0 else self.absolute <= self.bound


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What came of one guarantee."""

    verdict: Verdict
    measures: tuple[Measure, ...] = ()
    cause: str = ""  # why it fails, or why there is nothing to show
    do: str = ""
    notes: tuple[str, ...] = ()


def judged(*measures: Measure, notes: tuple[str, ...] = ()) -> Shown:
    """Let the measures decide, without a cause yet."""
    held = all(one.holds for one in measures if one.decides)
    return Shown(verdict=Verdict.HOLDS if held else Verdict.FAILS, measures=measures, notes=notes)


def failing(shown: Shown) -> list[Measure]:
    """The measures that are why it fails."""
    return [one for one in shown.measures if one.decides and not one.holds]


def not_applicable(cause: str, do: str = "", measures: tuple[Measure, ...] = ()) -> Shown:
    """There is nothing to show, for a reason."""
    return Shown(verdict=Verdict.NOT_APPLICABLE, cause=cause, do=do, measures=measures)


def not_proved(cause: str, do: str) -> Shown:
    """It may hold or not: it could not be tried."""
    return Shown(verdict=Verdict.NOT_PROVED, cause=cause, do=do)
