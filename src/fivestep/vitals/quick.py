"""The short way for an iteration that goes exactly like those before it.

Most iterations of a run are the same events at the same lines with the same objects. Once they have
come twice (a window of accumulation: all of its iterations twice), the next are only compared with
them, event by event, and counted. At the first difference, and whenever it is time for a detailed
iteration, the recorder goes on as if it had heard every one.

Only the plain events go this way: batch, forward in train mode with gradients, loss, zero_grad,
backward of a loss on the CPU, clip, update, schedule, with every gradient cleared and used once.
"""

from __future__ import annotations

import sys
import weakref
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import lr_scheduler

from fivestep.vitals.period import WINDOW, Heard, Key, Period, recurring

if TYPE_CHECKING:
    from fivestep.vitals.recording.replay import Replay

FORWARD, LOSS, CLEAR, BACKWARD, UPDATE, BATCH, CLIP, SCHEDULE = range(8)

LONGEST = 256  # events of an iteration: a longer one does not go this way

_TENSOR_BACKWARD = torch.Tensor.backward.__code__
_SCHEDULES = lr_scheduler.__file__


class Quick:
    """Compares; ``active`` while it does. The ears ask it first."""

    __slots__ = (
        "_first", "_heard", "_keys", "_losses", "_period", "_place", "_rates", "_ready",
        "_replay", "_rounds", "_until", "_usual", "active", "given", "learnt", "near",
    )  # fmt: skip

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self.active = False
        self.learnt: list[Key] = []  # of the iteration that the recorder is writing down
        self.near: Key = ()  # where the module of a loss was called, while it runs
        self.given: weakref.ref[torch.Tensor] | None = None  # to the last forward
        self._heard: list[Heard] = []  # the latest iterations that were written down
        self._period: Period | None = None
        self._keys: list[Key] = []
        self._usual = sys.float_info.max  # losses above it are looked at
        self._losses: list[float] = []  # of the backwards that went this way
        self._rates: dict[int, Any] = {}
        self._place = self._rounds = self._until = 0
        self._first = 0  # number of the iteration in which it began
        self._ready = False  # the next event may be the first

    # -- what the ears ask ----------------------------------------------------------------------

    def meets(self, key: Key) -> bool:
        """Something happens: is it what was expected?"""
        place = self._place
        if key == self._keys[place]:
            self._place = place + 1
            return True
        period = self._period
        if period is not None and place == period.length and key == self._keys[0]:
            self._rounds, self._place = self._rounds + 1, 1
            if self._rounds < self._until:
                return True
            self._place = 0
        self.leave()
        return False

    def expects_loss(self) -> bool:
        """The next event is a loss."""
        return self._keys[self._place][0] == LOSS

    def backward(self, loss: Any, key: Key) -> bool:
        """Backward begins; its loss is noted."""
        place, period = self._place, self._period
        if key != self._keys[place] or period is None:
            return self.meets(key)
        value = loss.item()
        if not abs(value) <= self._usual:  # NaN, inf, or a leap: to be looked at closely
            self.leave()
            return False
        self._losses.append(value)
        self._place = place + 1
        return True

    def update(self, optimizer: Any, key: Key) -> bool:
        """An update begins; a new rate is noted."""
        if not self.meets(key):
            return False
        place, period = self._place - 1, self._period
        rate = optimizer.param_groups[0].get("lr")
        if rate is not self._rates.get(place) and period is not None:
            self._rates[place] = rate
            number = self._rounds * period.steps[place] + period.updates[place]
            self._replay.new_rate(optimizer, number)
        return True

    def learn(self, key: Key) -> None:
        """The recorder has written down an event. It may be the first that was expected."""
        if len(self.learnt) < LONGEST:
            self.learnt.append(key)
        if self._ready:
            self._ready = False
            if key == self._keys[0] and self._period is not None:
                self._replay.take_back(self._period.heard[0].signature[0])
                self._place, self.active = 1, True

    # -- what the recorder asks -----------------------------------------------------------------

    def forget(self) -> None:
        """The iteration that was written down is none to go by."""
        self.learnt, self._ready = [], False
        self._heard.clear()

    def leave(self) -> None:
        """Tell the recorder everything that went this way, the unfinished iteration too."""
        if not self.active or self._period is None:
            return
        self.active = False
        self._heard.clear()
        place, period = self._place, self._period
        period.write(self._losses, self._first)
        self._replay.add_rounds(self._rounds, period)
        for one, vitals in zip(period.heard, period.vitals, strict=True):
            if place <= len(one.keys):
                for number in one.signature[:place]:
                    self._replay.replay(number)
                self.learnt = list(one.keys[:place])
                break
            self._replay.whole(one.signature, vitals)
            place -= len(one.keys)

    def consider(self, signature: tuple[int, ...], until: int) -> None:
        """The recorder has closed an iteration: do the next go this way, ``until`` so many?"""
        keys, self.learnt, self._ready = tuple(self.learnt), [], False
        self._heard.append(Heard(signature, keys if len(keys) == len(signature) else ((),)))
        del self._heard[: -2 * WINDOW]
        found = recurring(self._heard, self._period)
        if not found or until < 2 * len(found):
            return
        if self._period is None or found is not self._period.heard:
            self._period = Period(found, self._replay)
        if self._period.plain:
            self._begin(self._period, until // len(found))

    def _begin(self, period: Period, rounds: int) -> None:
        period.vitals = [self._replay.vitals_of(one.signature) for one in period.heard]
        self._keys, self._rates = period.keys, {}
        self._rounds, self._until, self._losses = 0, rounds, []
        self._usual = period.usual()
        self._first = self._replay.trained + 1
        self._ready = True


def loss_key(name: str, args: tuple[Any, ...], result: Any, frame: FrameType, near: Key) -> Key:
    """What makes two calls of a loss the same; () if it is none of the plain ones."""
    if len(args) < 2 or not isinstance(result, torch.Tensor) or not result.requires_grad:
        return ()
    same = getattr(args[0], "shape", None) == getattr(args[1], "shape", None)
    return (LOSS, frame.f_code, frame.f_lasti, name, same, near)


def backward_key(loss: Any, args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType) -> Key:
    """The same for a backward: of a scalar on the CPU, its graph neither kept nor made."""
    if type(loss) is not torch.Tensor or not loss.is_cpu or loss.dim():
        return ()
    if any(args[2:4]) or any(kwargs.values()):
        return ()
    if frame.f_code is _TENSOR_BACKWARD:
        frame = frame.f_back or frame
    return (BACKWARD, frame.f_code, frame.f_lasti)


def update_key(optimizer: Any, args: Any, kwargs: Any, frame: FrameType) -> Key:
    """The same for an update, () with a closure."""
    if len(args) > 1 or kwargs:
        return ()
    if frame.f_code.co_filename == _SCHEDULES:  # a schedule counts the updates
        frame = frame.f_back or frame
    return (UPDATE, frame.f_code, frame.f_lasti, id(optimizer))


def clip_key(name: str, parameters: Any, limit: Any, frame: FrameType) -> Key:
    """The same for a clip, () where there is nothing to clip."""
    if not isinstance(parameters, (list, tuple)) or not parameters or parameters[0].grad is None:
        return ()
    ends = id(parameters[0]), id(parameters[-1])
    return (CLIP, frame.f_code, frame.f_lasti, name, float(limit), len(parameters), *ends)
