"""A script's own loop, held after each of its five steps and told in messages.

The script's thread waits here while a page has it paused; otherwise it writes into a ring and goes
on. In detail it is told only what somebody can follow, or what costs next to nothing.
"""
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import functools
import threading
import time
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

import torch

from fivestep.listen.site import here
from fivestep.loop import Step
from fivestep.page.control import Control
from fivestep.page.desk import Desk
from fivestep.page.findings import Findings
from fivestep.page.hearing import Hearing
from fivestep.page.knobs import Knobs
from fivestep.page.lost import Loss, first_lost
from fivestep.page.pictures import Pictures
from fivestep.page.protocol import Message, number
from fivestep.page.purse import SHARE, Purse
from fivestep.page.rounds import Rounds
from fivestep.page.scenes import Scenes
from fivestep.page.weights import Weights
from fivestep.vitals import Site

Call = tuple[Any, Any, Any]  # what was called, its arguments, those by name
LOOKS = 20  # for what made a loss that is not finite
BEFORE = {
    "before forward": Step.FORWARD, "before loss": Step.LOSS, "before backward": Step.BACKWARD,
    "before update": Step.UPDATE,
}  # fmt: skip


class Passed(NamedTuple):
    """A step that nobody was told of: without its frame, which would keep what it holds."""

    step: Step
    iteration: int
    place: Any
    seconds: float
    loss: Loss | None
    rate: Any  # of the update
    flags: Message  # left out, moved


class Stage:
    """Hears the steps of one thread, holds them, and tells of them.

    Args:
        post: takes a kind and the fields of a message; returns its number. Never waits.
        control: who holds the loop.
        clock: seconds; a test stops it.
        share: of the time, for details that nobody asked for.
    """

    def __init__(
        self,
        post: Callable[[str, Message], int],
        control: Control,
        *,
        clock: Callable[[], float] = time.perf_counter,
        share: float = SHARE,
    ) -> None:
        self._post, self.control, self._clock = post, control, clock
        self.on = False
        self.knobs, self.weights = Knobs(), Weights()
        self.rounds, self.scenes = Rounds(), Scenes(post)
        self.desk = Desk(post, control, self.knobs, self.rounds, self.scenes)
        self.pictures = Pictures(post)
        self.desk.held = self._draw_held
        self.findings: Findings | None = None
        self._hearing = Hearing(self)
        self.where: Callable[[FrameType], Site | None] = here  # the line of a frame that is shown
        self._inside = 0  # of a step, or of our own code
        self._thread: int | None = None
        self._started = False
        self._purse = Purse(control, clock=clock, share=share)
        self._held = 0.0  # seconds that the loop was held
        self._marks: dict[Step, float] = {}  # when a step began, less what it was held before
        self._loss: Loss | None = None
        self._scaled: tuple[weakref.ref[torch.Tensor], torch.Tensor] | None = None
        self._looks = LOOKS
        self._lost = 0  # the iteration since which losses are not finite
        self._judged = False  # a loss was heard since the last backward
        self._nested = False  # the step is one of an update's closure
        self._cleared = False  # in this window, at the place that was chosen
        self._modes: list[tuple[Any, bool]] = []
        self._loader: weakref.ref[Any] | None = None
        self._untold: Callable[[], None] | None = None  # the moment that nobody was told of
        self._passed: Passed | None = None  # the same, when the loop has gone on
        self._norm: float | None = None
        self._rate: Any = None  # of the update that was made; a schedule then sets the next
        self._rates: dict[int, float] = {}
        self._layers: list[list[Any]] = []

    # -- its ears -------------------------------------------------------------------------------

    def open_early(self) -> None:
        """Before anybody else begins to listen."""
        self._thread = threading.get_ident()
        self._hearing.open_early()

    def open(self) -> None:
        """When everybody else has begun to listen."""
        self.on = True
        self._hearing.open()

    def close(self) -> None:
        """The script is over: tell of what is left."""
        if self.on:
            self._safely(self._last_turn)
        self.on = False
        self._hearing.close()

    def hears(self) -> bool:
        """Tell whether a step now is one of the script's own, at the outermost."""
        return self.on and not self._inside and threading.get_ident() == self._thread

    @contextmanager
    def inside(self) -> Generator[None]:
        """What happens in here is part of a step."""
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            if self._modes:
                self._restore_modes()

    def _safely(self, function: Callable[..., Any], *args: Any) -> Any:
        """Whatever goes wrong in here is told once, and the script goes on without us."""
        self._inside += 1
        try:
            return function(*args)
        except Exception as error:
            self.on = False
            words = f"the page stopped watching: {type(error).__name__}: {error}"
            self._post("note", {"text": words, "level": "warning"})
            return None
        finally:
            self._inside -= 1

    # -- what is heard --------------------------------------------------------------------------

    def begins(
        self, step: Step, frame: FrameType, subject: Any = None, args: tuple[Any, ...] = ()
    ) -> None:
        """A step begins; the loop may be held before it."""
        self._safely(self._begins, step, frame, subject, args)

    def ends(
        self, step: Step, frame: FrameType, result: Any, *,
        skipped: bool = False, call: Call | None = None,
    ) -> None:  # fmt: skip
        """A step has ended; the loop may be held after it."""
        self._safely(self._ends, step, frame, result, skipped, call)

    def update_begins(self, optimizer: Any, frame: FrameType, *, closure: bool) -> None:
        """An update begins."""
        self._safely(self._update_begins, optimizer, frame, closure)

    def script_clears(self, owner: Any, original: Any, args: Any, kwargs: Any) -> None:
        """The script calls ``zero_grad``."""
        self._safely(self.knobs.cleared, owner, original, args, kwargs)
        self._safely(self.weights.works_on, owner)

    def leaves_out_clear(self) -> bool:
        """Tell whether this call of the script is not to be made."""
        return self.on and (self.knobs.skip_zero_grad or self.desk.moves != "as written")

    def judged(self, tensors: Any, frame: FrameType) -> None:
        """Backward is called: if nobody heard the loss, it was written by hand."""
        self._safely(self._judge, tensors, frame)

    def scaled(self, loss: Any, result: Any) -> None:
        """A loss was scaled for the sake of small gradients: show it as it was."""
        if isinstance(loss, torch.Tensor) and isinstance(result, torch.Tensor):
            self._scaled = weakref.ref(result), loss.detach()

    def made(self, optimizer: Any) -> None:
        """An optimizer was made."""
        self._safely(self.knobs.made, optimizer)
        self.weights.optimizer(optimizer)

    def epoch_begins(self, loader: Any) -> None:
        """A loader begins to hand out batches."""
        if loader in self.desk.loaders:
            self.control.reached("epoch")
        self._loader = self.desk.begun = weakref.ref(loader)

    def epoch_ends(self) -> None:
        """A loader has no more batches."""
        self.desk.begun = lambda: None

    def batch_came(self, seconds: float) -> None:
        """A loader handed out a batch."""
        self.rounds.waited(seconds if self._clock is time.perf_counter else 0.0)

    # -- before a step --------------------------------------------------------------------------

    def _begins(
        self, step: Step, frame: FrameType, subject: Any, args: tuple[Any, ...] = ()
    ) -> None:
        site = self.where(frame)
        self._nested = self._hearing.updating and step is not Step.UPDATE
        if self.rounds.is_new(step, site, updating=self._nested):
            self._turn()
        if not self._started:
            self._start(site)
            if step is Step.FORWARD and self.control.paused:
                ahead = functools.partial(self.scenes.ahead, frame, site)
                self.pictures.expected(subject, args, ahead)
        if self.control.asked or self.control.paused:
            self._tell_passed()
            if not self._purse.in_detail:
                self.scenes.at(site)
            self._hold(None)
            self.scenes.next = {}
        if step is Step.FORWARD:
            self._forward_begins(subject)
        self._move_clear(BEFORE.get(self.desk.moves) is step, frame)
        self._mark(step)

    def _mark(self, step: Step) -> None:
        self._marks[step] = self._clock() - self._held

    def _start(self, site: Site | None) -> None:
        """The first step of the script: from here on it may be held."""
        self._started = True
        self._purse.turn(self.rounds.iteration + 1)
        self.scenes.at(site)

    def _forward_begins(self, model: Any) -> None:
        self.knobs.models += 1
        self.weights.model(model)
        if self.knobs.eval_mode is not None:
            wanted = not self.knobs.eval_mode
            self._modes = [(one, one.training) for one in torch.nn.Module.modules(model)]
            for one, _ in self._modes:
                one.training = wanted

    def _restore_modes(self) -> None:
        for module, training in self._modes:
            module.training = training
        self._modes = []

    def _update_begins(self, optimizer: Any, frame: FrameType, closure: bool) -> None:
        self.knobs.stepped(optimizer, closure=closure)
        self.weights.optimizer(optimizer)
        self.weights.works_on(optimizer)
        self._begins(Step.UPDATE, frame, None)
        if self.knobs.clip_now(optimizer):
            self.scenes.clipped = True
        rate, self._rates = self.knobs.rates_now()
        if self._rate is None or optimizer is self.knobs.optimizers[0]:
            self._rate = rate
        if self._purse.details:
            self._purse.detail(self.weights.remember)
            self._norm = self.weights.gradient_norm()
        self._mark(Step.UPDATE)

    def _move_clear(self, place: bool, frame: FrameType) -> None:
        """Clear here, if this is the chosen place, and it was not passed in this window."""
        if not place or self._cleared or self.knobs.skip_zero_grad:
            return
        self._cleared = True
        self._mark(Step.ZERO_GRAD)
        self.knobs.clear_now()
        self._tell(Step.ZERO_GRAD, frame, self.where(frame), None, moved=True)
        self._pause_after(Step.ZERO_GRAD)

    # -- after a step ---------------------------------------------------------------------------

    def _ends(
        self, step: Step, frame: FrameType, result: Any, skipped: bool, call: Call | None
    ) -> None:
        site = self.where(frame)
        if step is Step.LOSS:
            if not isinstance(result, torch.Tensor) or not result.requires_grad:
                return
            self._note_loss(result)
        elif step is Step.BACKWARD:
            self._judged = False
            loader = self._loader() if self._loader is not None else None
            if loader is not None:
                self.desk.loaders.add(loader)
        self._tell(step, frame, site, result, skipped=skipped)
        if step is Step.LOSS:
            self._look_for_loss(result)
        if self._purse.in_pictures and not (self.pictures.idle and step is not Step.FORWARD):
            self._purse.picture(self._picture, step, call, result)
        self._pause_after(step)
        if step is Step.UPDATE:
            self.weights.forget()
            self._move_clear(self.desk.moves == "after update", frame)
            self._cleared = False
        if self.rounds.is_over(step, site, updating=self._hearing.updating):
            self._turn()
            if self.control.paused:
                self._hold(step)

    def _picture(self, step: Step, call: Call | None, result: Any) -> None:
        """Hear what can be drawn of a step."""
        pictures, iteration = self.pictures, self.rounds.iteration
        if step is Step.UPDATE:
            pictures.updated(iteration)
        elif call is not None and step is Step.FORWARD:
            pictures.heard_forward(*call, result)
        elif call is not None and step is Step.LOSS:
            pictures.heard_loss(iteration, *call, result)

    def _judge(self, tensors: Any, frame: FrameType) -> None:
        loss = tensors[0] if isinstance(tensors, (tuple, list)) and tensors else tensors
        if not isinstance(loss, torch.Tensor):
            return
        if self._scaled is not None and self._scaled[0]() is loss:
            loss = self._scaled[1]
        else:
            self.weights.loss(loss)
        if not self._judged:
            self._begins(Step.LOSS, frame, None)
            self._note_loss(loss)
            self._tell(Step.LOSS, frame, self.where(frame), loss, by_hand=True)
            if self._purse.in_pictures and not self.pictures.idle:
                named = functools.partial(self.scenes.named, frame, self.where(frame))
                self._purse.picture(self.pictures.heard_by_hand, self.rounds.iteration, loss, named)
            self._pause_after(Step.LOSS)
        self._note_loss(loss)
        self._look_for_loss(loss)
        if self._purse.in_pictures and not self.pictures.idle:
            self._purse.picture(self.pictures.heard_backward, self.rounds.iteration, loss)

    def _look_for_loss(self, loss: torch.Tensor) -> None:
        """The first of several that are not finite: tell where that began."""
        if self._loss is None or not self._loss.is_lost:
            return
        begun, self._lost = self._lost, self.rounds.iteration
        if self._looks > 0 and (begun + 1 < self._lost or not begun):
            self._looks -= 1
            words = first_lost(loss, self.weights.named(), self.weights.layer)
            self._post("lost", {"iteration": self._lost, "words": words})

    def _note_loss(self, loss: torch.Tensor) -> None:
        self._judged = True
        if self._loss is None or not self._loss.is_of(loss):
            self._loss = Loss(loss)

    def _tell(
        self, step: Step, frame: FrameType, site: Site | None, result: Any, *,
        skipped: bool = False, moved: bool = False, by_hand: bool = False,
    ) -> None:  # fmt: skip
        seconds = max(0.0, self._clock() - self._held - self._marks[step])
        place = self.scenes.place(frame, site, by_hand=by_hand)
        line = place.line if by_hand else None
        self.rounds.step(step, site, seconds, line=line, moved=moved, left_out=skipped)
        flags = ({"skipped": True} if skipped else {}) | ({"moved": True} if moved else {})
        now = Passed(step, self.rounds.iteration, place, seconds, self._loss, self._rate, flags)
        tell = functools.partial(self._tell_moment, now, frame, result)
        if self._purse.in_detail:
            self._passed = None
            self._purse.detail(tell)
        else:
            self._untold = tell  # until the loop goes on: it may be asked to stop here
            self._passed = now

    def _tell_moment(self, now: Passed, frame: FrameType | None, result: Any) -> None:
        updated = now.step is Step.UPDATE
        if updated and frame is not None:
            self._layers = self.weights.layers()
        self.scenes.moment(
            {
                "iteration": now.iteration,
                "step": now.step.value,
                "seconds": number(now.seconds),
                "loss": _told(now.loss),
                "parameters": self.weights.told(
                    rates=self.knobs.rates(self._rates if updated else None),
                    updated=updated and self.weights.remembered,
                ),
                "rate": now.rate if updated else self.knobs.rate(),
            }
            | now.flags,
            frame, now.place, result,
        )  # fmt: skip

    def _tell_passed(self) -> None:
        """The loop is held, or over, where nobody was told of the last step: tell of it now."""
        passed, self._passed = self._passed, None
        if passed is not None:
            self._tell_moment(passed, None, None)

    # -- held -----------------------------------------------------------------------------------

    def _pause_after(self, step: Step) -> None:
        self.control.reached("step")
        untold, self._untold = self._untold, None
        if untold is not None and self.control.asked:
            self._passed = None
            untold()
        if self.control.paused or self.control.asked or self.control.speed is not None:
            self._hold(step)

    def _hold(self, step: Step | None) -> None:
        began = self._clock()
        self.desk.hold(step)
        self._purse.opened()
        self._held += self._clock() - began

    def _draw_held(self) -> None:
        """Whoever holds the loop sees what it has learnt by now."""
        if not (
            self._nested and self._hearing.updating
        ):  # else they stand where an update tries them out
            self.pictures.held(self.rounds.updates_until, self.weights.takes_part)

    # -- the end of an iteration ----------------------------------------------------------------

    def _turn(self) -> None:
        rounds = self.rounds
        if not rounds.steps:
            return
        self._post("iteration", self._iteration() | self._point())
        if (order := rounds.new_order()) is not None:
            self._post("order", {"steps": order})
        if self.findings is not None:
            watched = self.control.watched() and self.control.until != "iteration"
            self._purse.detail(self.findings.look, rounds.iteration, watched, self._purse.details)
        rounds.turn()
        self.pictures.turn()
        self.weights.turn()
        self._loss, self._norm, self._layers, self._rate = None, None, [], None
        self.desk.turn()
        self._purse.turn(self.rounds.iteration + 1)

    def _point(self) -> Message:
        """Where the model stands on the surface of its loss, if that is drawn."""
        point = self.pictures.point(self.rounds.iteration, detailed=self._purse.in_pictures)
        return {} if point is None else {"point": point}

    def _last_turn(self) -> None:
        if self._purse.share > 0:
            self._tell_passed()
            self._draw_held()
        self._turn()
        if self.findings is not None:
            self.findings.finish()

    def _iteration(self) -> Message:
        return {
            "iteration": self.rounds.iteration,
            "loss": _told(self._loss),
            "rate": self._rate if self._rate is not None else self.knobs.rate(),
            "gradient_norm": number(self._norm),
            "layers": self._layers,
            "seconds": self.rounds.seconds(),
        }


def _told(loss: Loss | None) -> Any:
    return None if loss is None else number(loss.value)
