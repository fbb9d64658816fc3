"""Where requests are answered while the loop is held, and where it is told how things stand."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from fivestep.loop import Step
from fivestep.page.control import Control
from fivestep.page.knobs import Knobs
from fivestep.page.protocol import LEARNING, Message, RefusedError
from fivestep.page.rounds import Rounds
from fivestep.page.scenes import Scenes


class Desk:
    """Takes what a page asks for, in the loop's own thread.

    Args:
        post: takes a kind and the fields of a message; returns its number.
        control: who holds the loop.
        knobs: what can be turned.
        rounds: where the loop is.
        scenes: the line before which it waits.
    """

    def __init__(
        self,
        post: Callable[[str, Message], int],
        control: Control,
        knobs: Knobs,
        rounds: Rounds,
        scenes: Scenes,
    ) -> None:
        self._post, self._control, self._knobs = post, control, knobs
        self._rounds, self._scenes = rounds, scenes
        self._said: Message = {}
        self._rate: Any = None  # as it was asked for
        self.moves = knobs.zero_grad_at  # where zero_grad stands in this iteration
        self._turned_so: Message = {}  # the knobs that were turned
        self.passes = False  # the end of this iteration is not the one that was asked for
        self.held: Callable[[], None] = lambda: None  # the loop stands still
        self.loaders: weakref.WeakSet[Any] = weakref.WeakSet()  # that are trained with
        # The one that hands out batches now: before the first backward it may be trained with.
        self.begun: Callable[[], Any] = lambda: None

    def hold(self, step: Step | None) -> None:
        """Hold the loop after a step, or before one, for as long as it is paused or slowed."""
        self._say_state(step)
        if self._control.paused:
            self.held()
        self._control.hold(lambda: self._answer(step), slowed=step is not None)
        self._say_state(step)

    def turn(self) -> None:
        """An iteration is over."""
        self._look_for_an_update()
        self._look_at_the_rate()
        if self.moves != self._knobs.zero_grad_at:
            self.moves = self._knobs.zero_grad_at
            self._rounds.forget_orders()
        if not self.passes:
            self._control.reached("iteration")
        self.passes = False

    def _look_for_an_update(self) -> None:
        if not self._knobs.optimizers and not self._knobs.by_hand:
            self._knobs.by_hand = True
            words = "no optimizer was heard: an update by hand is not seen, nor held, nor changed"
            self._post("note", {"text": words, "level": "info"})

    def _look_at_the_rate(self) -> None:
        """A script that writes the rate itself undoes what the knob has done."""
        if self._rate is not None and self._knobs.rate() != self._rate:
            self._rate = None
            words = "the script sets the rate itself, so what was asked for held only until then"
            self._post("note", {"text": words, "level": "info"})

    def _say_state(self, step: Step | None) -> None:
        """Tell how things stand, if that is not how they stood."""
        control = self._control
        if not control.paused and control.until == "step" and self._said.get("paused"):
            return  # it goes one step: the next pause tells
        told = {
            "paused": control.paused, "speed": control.speed, "knobs": self._knobs.values(),
            "works": self._knobs.describe(),
        }  # fmt: skip
        if told == self._said and not control.paused:
            return
        where = {"iteration": self._rounds.iteration, "step": step.value if step else None}
        if told | where == self._said:
            return
        if _reasons(told) != _reasons(self._said):
            self._post("knobs", {"knobs": told["works"]})
        self._said = told | where
        self._post(
            "state",
            {name: told[name] for name in ("paused", "speed", "knobs")} | where | self._scenes.next,
        )

    def _answer(self, step: Step | None) -> None:
        while (asked := self._control.take()) is not None:
            try:
                applied = self._apply(asked)
            except RefusedError as error:
                self._post("ack", {"id": asked["id"], "refused": str(error)})
                continue
            where = {"iteration": self._acts_in(asked), "step": step.value if step else None}
            self._post("ack", {"id": asked["id"], "applied": applied} | where)
            if asked["verb"] == "knob":
                self._scenes.changes(self._turned_so)
        self._say_state(step)
        if self._control.paused:
            self.held()

    def _acts_in(self, asked: Message) -> int:
        waits = asked.get("name") == "zero_grad_at" and self._knobs.zero_grad_at != self.moves
        return self._rounds.iteration + waits

    def _apply(self, asked: Message) -> Message:
        verb, control = asked["verb"], self._control
        if verb in LEARNING:
            raise RefusedError("only `fivestep learn` has lessons")
        if verb == "knob":
            value = self._knobs.turn(asked["name"], asked["value"])
            self._turned(asked["name"])
            self._turned_so[asked["name"]] = value
            return {"knob": asked["name"], "value": value}
        if verb == "speed":
            control.speed = _speed(asked["value"])
            return {"verb": "speed", "value": control.speed}
        if verb == "epoch" and not self.loaders and self.begun() is None:
            raise RefusedError(
                "where an epoch ends is not known, for no DataLoader that is kept hands out the "
                "batches: press Iteration or Play"
            )
        if verb == "reset":
            raise RefusedError("only `fivestep step` can start the script again")
        # Where the first iteration ends is seen when the second begins: after its update, the
        # second is meant.
        self.passes = verb == "iteration" and self._rounds.may_be_over
        {"play": control.play, "pause": control.pause}.get(verb, lambda: control.run_to(verb))()
        return {"verb": verb}

    def _turned(self, name: str) -> None:
        if name == "zero_grad_at" and not self._rounds.steps:
            self.moves = self._knobs.zero_grad_at  # nothing of this iteration has happened yet
        if name == "lr":
            self._rate = None if self._knobs.scheduled else self._knobs.rate()
        if name == "lr" and self._knobs.scheduled:
            words = "a schedule of the script sets the rate, too, and goes on at its next step"
            self._post("note", {"text": words, "level": "info"})


def _speed(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1e6:
        raise RefusedError("speed: steps a second above 0, or null for no limit, was expected")
    return float(value)


def _reasons(said: Message) -> list[str]:
    return [one["why"] for one in said.get("works", {}).values()]
