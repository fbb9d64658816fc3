"""The short way for an iteration that goes exactly like the two before it.

Most iterations of a run are the same events at the same lines with the same objects. Once two have
been, the next is only compared with them, event by event, and counted. At the first difference, and
whenever it is time for a detailed iteration, the recorder goes on as if it had heard every one.

Only the plain steps go this way: batch, forward in train mode with gradients, loss, zero_grad,
backward, update, with every gradient cleared and used once, and a loss on the CPU.
"""

from __future__ import annotations

import weakref
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import lr_scheduler

from fivestep.vitals.events import Backward, Batch, Clear, Forward, Loss, Update

if TYPE_CHECKING:
    from fivestep.vitals.record import Series, Vitals
    from fivestep.vitals.recording.notes import Raw
    from fivestep.vitals.recording.replay import Replay

FORWARD, LOSS, CLEAR, BACKWARD, UPDATE, BATCH = range(6)

Key = tuple[Any, ...]

_END: Key = (None,)  # after the last, equal to nothing
_TENSOR_BACKWARD = torch.Tensor.backward.__code__
_SCHEDULES = lr_scheduler.__file__


class Quick:
    """Compares; ``active`` while it does. The ears ask it first."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self.active = False
        self.learnt: list[Key] = []  # of the iteration that the recorder is writing down
        self.near: Key = ()  # where the module of a loss was called, while it runs
        self._last: tuple[tuple[int, ...], list[Key]] | None = None
        self._expected: list[Key] = []
        self._numbers: list[int] = []
        self._series: list[Series | None] = []
        self._rates: dict[int, Any] = {}
        self._vitals: Vitals | None = None
        self._place = self._length = self._rounds = self._until = 0
        self._first = 0  # number of the iteration in which it began
        self._ready = False  # the next event may be the first
        self.given: weakref.ref[torch.Tensor] | None = None  # to the last forward

    # -- what the ears ask ----------------------------------------------------------------------

    def meets(self, key: Key) -> bool:
        """An event happens: is it the next that was expected?"""
        place = self._place
        if key == self._expected[place]:
            self._place = place + 1
            return True
        return self._turn(key)

    def forward(self, module: Any, args: tuple[Any, ...], frame: FrameType) -> bool:
        """An outermost module is called: is it the one that was expected?"""
        if args and type(args[0]) is torch.Tensor:
            self.given = weakref.ref(args[0])
        if not module.training or not torch.is_grad_enabled():
            return self._turn(())
        key = (FORWARD, id(frame.f_code), frame.f_lasti, id(module))
        place = self._place
        if key == self._expected[place]:
            self._place = place + 1
            return True
        return self._turn(key)

    def expects_loss(self) -> bool:
        """The next event is a loss."""
        return self._expected[self._place][0] == LOSS

    def loss(self, name: str, args: tuple[Any, ...], result: Any, frame: FrameType) -> bool:
        """A loss has answered."""
        key, place = loss_key(name, args, result, frame, self.near), self._place
        if key == self._expected[place]:
            self._place = place + 1
            return True
        return self._turn(key)

    def clear(self, optimizer: Any, frame: FrameType) -> bool:
        """Gradients are cleared."""
        key, place = (CLEAR, id(frame.f_code), frame.f_lasti, id(optimizer)), self._place
        if key == self._expected[place]:
            self._place = place + 1
            return True
        return self._turn(key)

    def backward(self, args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType) -> bool:
        """Backward begins; its loss is noted."""
        loss = args[0] if args else None
        return self.backward_of(loss, backward_key(loss, args, kwargs, frame))

    def backward_of(self, loss: Any, key: Key) -> bool:
        """The same, where the key is known."""
        if key != self._expected[self._place]:
            return self._turn(key)
        value = loss.item()
        if value - value != 0:  # NaN or inf: to be looked at closely
            self.leave()
            return False
        series = self._series[self._place]
        if series is not None:
            series.add(self._first + self._rounds, value)
        self._place += 1
        return True

    def update(self, optimizer: Any, args: Any, kwargs: Any, frame: FrameType) -> bool:
        """An update begins."""
        if len(args) > 1 or kwargs:
            return self._turn(())
        return self.update_by(optimizer, update_key(optimizer, frame))

    def update_by(self, optimizer: Any, key: Key) -> bool:
        """The same, where the key is known."""
        place = self._place
        if key != self._expected[place]:
            return self._turn(key)
        self._place = place + 1
        rate = optimizer.param_groups[0].get("lr")
        if rate is not self._rates.get(place):
            self._rates[place] = rate
            self._replay.new_rate(optimizer, self._rounds)
        return True

    def batch(self, number: int, frame: FrameType) -> bool:
        """A loader hands out a batch."""
        key, place = (BATCH, id(frame.f_code), frame.f_lasti, number), self._place
        if key == self._expected[place]:
            self._place = place + 1
            return True
        return self._turn(key)

    def _turn(self, key: Key) -> bool:
        """Not the next event: the first of the next iteration, or the end of the short way."""
        if self._place == self._length and key == self._expected[0]:
            self._rounds, self._place = self._rounds + 1, 1
            if self._rounds < self._until:
                return True
            self._place = 0
        self.leave()
        return False

    def learn(self, key: Key) -> None:
        """The recorder has written down an event. The first after two alike may start the rest."""
        self.learnt.append(key)
        if self._ready:
            self._ready = False
            if key == self._expected[0]:
                self._replay.take_back(self._numbers[0])
                self._place, self.active = 1, True

    def forget(self) -> None:
        """The iteration that was written down is none to go by."""
        self.learnt, self._last, self._ready = [], None, False

    # -- what the recorder asks -----------------------------------------------------------------

    def leave(self) -> None:
        """Tell the recorder everything that went this way, the unfinished iteration too."""
        if not self.active:
            return
        self.active = False
        replay, vitals = self._replay, self._vitals
        if vitals is not None:
            replay.add_rounds(self._rounds, self._numbers, vitals)
        for number in self._numbers[: self._place]:
            replay.replay(number)
        self.learnt = list(self._expected[: self._place])
        self._last = None

    def consider(self, signature: tuple[int, ...], vitals: Vitals, until: int) -> None:
        """The recorder has closed an iteration: does the next go this way?"""
        learnt, self.learnt, self._ready = self.learnt, [], False
        last, self._last = self._last, (signature, learnt)
        replay = self._replay
        if until < 2 or last != self._last or len(learnt) != len(signature) or not all(learnt):
            return
        raws = [replay.raw(number) for number in signature]
        if not _plain(raws):
            return
        self._expected, self._numbers, self._length = [*learnt, _END], list(signature), len(learnt)
        self._series = [replay.series_of(raw) if raw[0] is Backward else None for raw in raws]
        self._rates, self._vitals, self._rounds, self._until = {}, vitals, 0, until
        self._first = replay.trained + 1
        self._ready = True


def loss_key(name: str, args: tuple[Any, ...], result: Any, frame: FrameType, near: Key) -> Key:
    """What makes two calls of a loss the same; () if it is none of the plain ones."""
    if len(args) < 2 or not isinstance(result, torch.Tensor) or not result.requires_grad:
        return ()
    same = getattr(args[0], "shape", None) == getattr(args[1], "shape", None)
    return (LOSS, id(frame.f_code), frame.f_lasti, name, same, near)


def backward_key(loss: Any, args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType) -> Key:
    """The same for a backward: of a scalar on the CPU, its graph neither kept nor made."""
    if type(loss) is not torch.Tensor or not loss.is_cpu or loss.dim():
        return ()
    if any(args[2:4]) or any(kwargs.values()):
        return ()
    if frame.f_code is _TENSOR_BACKWARD:
        frame = frame.f_back or frame
    return (BACKWARD, id(frame.f_code), frame.f_lasti)


def update_key(optimizer: Any, frame: FrameType) -> Key:
    """The same for an update."""
    if frame.f_code.co_filename == _SCHEDULES:  # a schedule counts the updates
        frame = frame.f_back or frame
    return (UPDATE, id(frame.f_code), frame.f_lasti, id(optimizer))


def _plain(raws: list[Raw]) -> bool:
    cleared = {raw[2] for raw in raws if raw[0] is Clear}
    updated = {raw[2] for raw in raws if raw[0] is Update}
    return bool(updated) and updated <= cleared and all(_is_plain(raw) for raw in raws)


def _is_plain(raw: Raw) -> bool:
    kind, _, *rest = raw
    if kind is Forward:
        _, training, grad, inside = rest
        return training and grad == "on" and inside is None
    if kind is Loss:
        return rest[1] == "on" and rest[2] is True
    if kind is Clear:
        return rest[0] is not None and rest[3] is None
    if kind is Backward:
        retain, create, inside, optimizers, kept, scaled, error = rest
        return (
            bool(optimizers)
            and inside is None
            and not (retain or create or kept or scaled or error)
        )
    if kind is Update:
        number, closure, scaler, state, untouched, _, _, cleared, _, carried = rest
        sound = state == "some" and not (untouched or cleared or carried)
        return number is not None and sound and not (closure or scaler)
    return kind is Batch
