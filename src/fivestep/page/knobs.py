"""What a page may turn while the loop runs, what each can do here, and why not."""
# What an optimizer holds has no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from fivestep.page.protocol import PLACES, Message, RefusedError, number
from fivestep.page.weights import held_by

NAMES = ("lr", "momentum", "skip_zero_grad", "zero_grad_at", "clip", "eval_mode")
RECENT = 100  # updates after which an optimizer that rests is turned no more
NONE_YET = "no optimizer has been made yet"
BY_HAND = "this script has no optimizer: it changes its weights by hand"


class Clear(NamedTuple):
    """A call of ``zero_grad`` as the script makes it."""

    owner: weakref.ref[Any]
    original: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def again(self) -> None:
        """Make the same call."""
        owner = self.owner()
        if owner is not None:
            self.original(owner, *self.args, **self.kwargs)


class Knobs:
    """Their positions, and the optimizers they turn."""

    def __init__(self) -> None:
        self.skip_zero_grad = False
        self.zero_grad_at = PLACES[0]
        self.clip: float | None = None
        self.eval_mode: bool | None = None
        self._made: dict[int, weakref.ref[Any]] = {}
        self._stepped: dict[int, tuple[weakref.ref[Any], int]] = {}
        self._shares: dict[tuple[int, int], float] = {}  # of the groups that the knob set to 0
        self.clears: dict[int, Clear] = {}  # who clears in the script, and how
        self.steps = 0  # updates that were heard
        self.models = 0  # forwards that were heard
        self.closure = False  # the optimizer asks for gradients itself
        self.by_hand = False  # an iteration went by without an optimizer

    # -- what is heard --------------------------------------------------------------------------

    def made(self, optimizer: Any) -> None:
        """An optimizer was made."""
        self._made[id(optimizer)] = weakref.ref(optimizer)

    def stepped(self, optimizer: Any, *, closure: bool) -> None:
        """An optimizer begins an update."""
        self.steps += 1
        self.closure = closure
        known = self._stepped.get(id(optimizer))
        here = known[0] if known is not None and known[0]() is optimizer else weakref.ref(optimizer)
        self._stepped[id(optimizer)] = here, self.steps

    def cleared(self, owner: Any, original: Any, args: Any, kwargs: Any) -> None:
        """The script clears."""
        self.clears[id(owner)] = Clear(weakref.ref(owner), original, args, kwargs)

    @property
    def optimizers(self) -> list[Any]:
        """Those at work; at the beginning also those that were made and wait for their turn."""
        recent = [ref() for ref, at in self._stepped.values() if at > self.steps - RECENT]
        found = [one for one in recent if one is not None]
        if found and self.steps >= RECENT:
            return found
        made = [one for ref in self._made.values() if (one := ref()) is not None]
        return [*found, *(one for one in made if all(one is not other for other in found))]

    @property
    def clearing(self) -> list[Clear]:
        """Who clears in the script and is still there."""
        return [one for one in self.clears.values() if one.owner() is not None]

    # -- what they say --------------------------------------------------------------------------

    def describe(self) -> dict[str, Message]:
        """All of them, as a page shows them."""
        return {
            "lr": self._one("lr", {"range": [0, 1000], "unit": "a step"}),
            "momentum": self._one("momentum", {"range": [0, 0.9999], "unit": ""}),
            "skip_zero_grad": self._one("skip_zero_grad", {"choices": [False, True], "unit": ""}),
            "zero_grad_at": self._one("zero_grad_at", {"choices": list(PLACES), "unit": ""}),
            "clip": self._one("clip", {"range": [0, 1e6], "unit": "norm"}),
            "eval_mode": self._one("eval_mode", {"choices": [None, True, False], "unit": ""}),
        }

    def _one(self, name: str, form: Message) -> Message:
        why = self.why_not(name)
        return {"value": self.value(name), **form, "works": not why, "why": why}

    def values(self) -> Message:
        """Their positions."""
        return {name: self.value(name) for name in NAMES}

    def value(self, name: str) -> Any:
        """The position of one."""
        if name == "lr":
            return self.rate()
        if name == "momentum":
            return self._momentum()
        value = getattr(self, name)
        return number(value) if type(value) is float else value

    def rate(self) -> Any:
        """The learning rate of the first optimizer; None if there is none."""
        return _rate_of(self._groups())

    def rates_now(self) -> tuple[Any, dict[int, float]]:
        """As ``rate``, and by the ``id`` of each group its rate, where that is a plain number."""
        groups = self._groups()
        found = {id(group): group.get("lr") for group in groups}
        plain: dict[int, float] = {
            key: rate for key, rate in found.items() if isinstance(rate, (int, float))
        }
        return _rate_of(groups), plain

    def rates(self, then: dict[int, float] | None = None) -> dict[int, Any]:
        """By the ``id`` of each parameter, the rate of the group that holds it.

        Args:
            then: of the groups, what ``rates_now`` said of a while ago.
        """
        told: dict[int, Any] = {}
        for group in self._groups():
            rate = (then or {}).get(id(group), group.get("lr"))
            for one in group["params"]:
                told.setdefault(id(one), None if rate is None else number(float(rate)))
        return told

    def _momentum(self) -> Any:
        for group in self._groups()[:1]:
            if "momentum" in group:
                return number(float(group["momentum"]))
            if "betas" in group:
                return number(float(group["betas"][0]))
        return None

    def _groups(self) -> list[Any]:
        return list(self._placed().values())

    def _placed(self) -> dict[tuple[int, int], Any]:
        """The groups of all optimizers by their places; those that two of them share once."""
        groups: dict[int, tuple[tuple[int, int], Any]] = {}
        for one in self.optimizers:
            for place, group in enumerate(one.param_groups):
                groups.setdefault(id(group), ((id(one), place), group))
        return dict(groups.values())

    def why_not(self, name: str) -> str:
        """Why a knob cannot act now; "" if it can."""
        if name == "eval_mode":
            unheard = self.steps and not self.models
            return "no model is called: a model has the modes" if unheard else ""
        if not self.optimizers:
            return BY_HAND if self.by_hand else NONE_YET
        if name == "momentum":
            return self._no_momentum()
        if name in ("skip_zero_grad", "zero_grad_at"):
            return self._no_clearing(name)
        if name == "clip" and self.closure:
            return "this optimizer asks for its gradients itself, in a closure"
        return ""

    def _no_momentum(self) -> str:
        groups = self._groups()
        if all("momentum" in group or "betas" in group for group in groups):
            return ""
        return f"{type(self.optimizers[0]).__name__} has no momentum"

    def _no_clearing(self, name: str) -> str:
        if self.closure and name == "zero_grad_at":
            return "this optimizer asks for its gradients itself, in a closure"
        if self.steps > 1 and not self.clearing:
            return "this script never calls zero_grad: it clears by hand, or not at all"
        several = len(self.clearing) > 1 or (not self.clearing and len(self.optimizers) > 1)
        if name == "zero_grad_at" and several:
            return "this script clears for several: which to move cannot be told"
        return ""

    # -- what they do ---------------------------------------------------------------------------

    def turn(self, name: str, value: Any) -> Any:
        """Turn one; return where it stands now.

        Raises:
            RefusedError: there is no such knob, it cannot act, or has no such position.
        """
        if name not in NAMES:
            raise RefusedError(f"knob {name[:40]!r} is unknown: {', '.join(NAMES)}")
        if why := self.why_not(name):
            raise RefusedError(f"{name} cannot act: {why}")
        if name in ("lr", "momentum"):
            self._set_number(name, value)
        else:
            setattr(self, name, _checked(name, value))
        return self.value(name)

    def _set_number(self, name: str, value: Any) -> None:
        high = 1000.0 if name == "lr" else 0.9999
        checked = _in_range(name, value, high)
        if name == "lr":
            self._set_rate(checked)
        else:
            for group in self._groups():
                _set_momentum(group, checked)

    def _set_rate(self, rate: float) -> None:
        """The first group gets the rate, and all others keep their proportion to it.

        Of 0 nothing has a proportion: what it was before the knob set it to 0 is remembered. A
        group that the script itself holds at another rate while the first stands at 0 stays.
        """
        groups = {where: one for where, one in self._placed().items() if one.get("lr") is not None}
        if not groups:
            return
        first = float(next(iter(groups.values()))["lr"])
        for place, (where, group) in enumerate(groups.items()):
            own = float(group["lr"])
            share = 1.0 if not place or own == first else own / first if first else None
            if not own:
                share = self._shares.pop(where, 1.0 if not place else 0.0)
            if share is None:
                continue
            _set_in(group, rate if share == 1 else share * rate)
            if not rate and own + share:
                self._shares[where] = share

    @property
    def scheduled(self) -> bool:
        """A schedule sets the rate, too."""
        return any("initial_lr" in group for group in self._groups())

    # -- where they act -------------------------------------------------------------------------

    def clear_now(self) -> bool:
        """At the place that was chosen: clear as the script does, else as anybody would."""
        for one in self.clearing:
            one.again()
        if not self.clearing:
            for optimizer in self.optimizers:
                optimizer.zero_grad()
        return True

    def clip_now(self, optimizer: Any) -> bool:
        """Before an update: clip, if that is wanted."""
        if self.clip is None:
            return False
        torch.nn.utils.clip_grad_norm_(held_by(optimizer), self.clip)
        return True


def _set_in(group: Any, rate: float) -> None:
    if isinstance(group["lr"], torch.Tensor):
        with torch.no_grad():
            group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def _set_momentum(group: Any, value: float) -> None:
    if "momentum" in group:
        group["momentum"] = value
    else:
        group["betas"] = (value, *group["betas"][1:])


def _checked(name: str, value: Any) -> Any:
    if name == "skip_zero_grad" and not isinstance(value, bool):
        raise RefusedError("skip_zero_grad: true or false was expected")
    if name == "eval_mode" and not (value is None or isinstance(value, bool)):
        raise RefusedError("eval_mode: true, false or null (as the script has it) was expected")
    if name == "zero_grad_at" and value not in PLACES:
        raise RefusedError(f"zero_grad_at: one of {', '.join(PLACES)} was expected")
    return value if name != "clip" or value is None else _in_range(name, value, 1e6)


def _in_range(name: str, value: Any, high: float) -> float:
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    if not 0 <= number <= high:  # NaN too
        raise RefusedError(f"{name}: a number from 0 to {high:g} was expected")
    return float(number)


def _rate_of(groups: list[Any]) -> Any:
    rate = groups[0].get("lr") if groups else None
    return None if rate is None else number(float(rate))
