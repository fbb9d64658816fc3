"""Which iteration this is, what belongs to it, and in which order its steps come."""

from __future__ import annotations

from typing import Any, NamedTuple

from fivestep.loop import Step
from fivestep.page.protocol import number
from fivestep.vitals import Site

Place = tuple[Step, Site | None]


class Done(NamedTuple):
    """A step of this iteration."""

    step: Step
    line: int | None  # where it stands, if it is known to stand elsewhere than it was heard
    site: Site | None
    seconds: float
    left_out: bool


class Rounds:
    """An iteration is over when the loop comes by a line again, and had its backward or update.

    Once that has shown where it ends, the end is known at once.
    """

    def __init__(self) -> None:
        self.iteration = 0  # 0 before the first
        self.steps: list[Done] = []
        self._places: set[Place] = set()
        self._spent = False  # it had its backward or its update
        self._updated = False
        self._last: Place | None = None  # with which every iteration with an update ended
        self._unsure = False  # they end differently
        self._orders: list[list[str]] = []  # a loop may have several, and take turns
        self._waited: float | None = None
        self._moved = False  # a zero_grad of ours stands for that of the script

    def is_new(self, step: Step, site: Site | None, *, updating: bool) -> bool:
        """Tell whether a new iteration begins with this step."""
        return self._spent and (step, site) in self._places and not updating

    def is_over(self, step: Step, site: Site | None, *, updating: bool) -> bool:
        """Tell whether the iteration ends with this step, as those before it did."""
        return self._updated and (step, site) == self._last and not self._unsure and not updating

    @property
    def updates_until(self) -> int:
        """The iteration whose update was made last; 0 before the first."""
        return self.iteration - (bool(self.steps) and not self._updated)

    @property
    def may_be_over(self) -> bool:
        """It had its update, and nothing may follow: those before ended so, or there were none."""
        if not self._updated or self._last is None:
            return self._updated
        return not self._unsure and (self.steps[-1].step, self.steps[-1].site) == self._last

    def step(
        self, step: Step, site: Site | None, seconds: float, *,
        line: int | None = None, moved: bool = False, left_out: bool = False,
    ) -> None:  # fmt: skip
        """A step has ended."""
        if not self.steps:
            self.iteration += 1
        self.steps.append(Done(step, line, site, seconds, left_out))
        self._spent |= step in (Step.BACKWARD, Step.UPDATE)
        self._updated |= step is Step.UPDATE
        if moved:
            self._moved = True
        else:
            self._places.add((step, site))

    def waited(self, seconds: float) -> None:
        """A batch was waited for."""
        self._waited = (self._waited or 0.0) + seconds

    def turn(self) -> None:
        """The iteration is over."""
        if self._updated:
            ended = self.steps[-1].step, self.steps[-1].site
            self._unsure |= self._last is not None and self._last != ended
            self._last = ended
        self.steps, self._places = [], set()
        self._spent = self._updated = self._moved = False
        self._waited = None

    def seconds(self) -> dict[str, Any]:
        """How long each kind of step took, and the wait for data."""
        told: dict[str, float] = {}
        for one in self.steps:
            told[one.step.value] = told.get(one.step.value, 0.0) + one.seconds
        return {name: number(value) for name, value in told.items()} | {
            "data": number(self._waited)
        }

    def new_order(self) -> list[str] | None:
        """The order of the steps, if it was not told before."""
        steps = [one for one in _as_written(self.steps) if not (self._moved and one.left_out)]
        order = list(dict.fromkeys(one.step.value for one in steps))
        if not self._spent or order in self._orders:
            return None
        self._orders.append(order)
        return order

    def forget_orders(self) -> None:
        """A knob has changed them."""
        self._orders = []


def _as_written(steps: list[Done]) -> list[Done]:
    """A loss written by hand is heard when backward is called: put it where it stands."""
    ordered: list[Done] = []
    for one in steps:
        place = len(ordered)
        while one.line is not None and place and _stands_below(ordered[place - 1], one):
            place -= 1
        ordered.insert(place, one)
    return ordered


def _stands_below(other: Done, one: Done) -> bool:
    same = other.site is not None and one.site is not None and other.site.file == one.site.file
    return (
        same
        and other.step is Step.ZERO_GRAD
        and other.site is not None
        and one.line is not None
        and other.site.line > one.line
    )
