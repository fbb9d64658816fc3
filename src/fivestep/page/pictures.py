"""What a small model has learnt, as pictures: its data, its line or areas, the surface of its loss.

For a model of one number in and one out, or of two in and one or several out. All of it is told
only while somebody can follow, and nothing of it is felt by the script.
"""
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from torch import Tensor, nn

from fivestep.listen.modules import is_loss
from fivestep.page.fitted import Form, fitted, form_of
from fivestep.page.judging import explains, judged
from fivestep.page.points import Points
from fivestep.page.protocol import Message
from fivestep.page.pure import why_not
from fivestep.page.trial import ask, trial
from fivestep.page.valley import Valley
from fivestep.vitals.measure import measurable, quietly

Post = Callable[[str, Message], int]


class Asked(NamedTuple):
    """A forward of this iteration, without its graph."""

    model: nn.Module
    inputs: Tensor
    output: Tensor


class Pictures:
    """Hears forwards and losses, and tells what can be drawn of them.

    Args:
        post: takes a kind and the fields of a message; returns its number.
    """

    def __init__(self, post: Post) -> None:
        self._post = post
        self._on = True
        self._asked: Asked | None = None
        self._loss: Tensor | None = None
        self._guessed = False  # what is drawn was not yet seen to be asked
        self._begin(None)

    def _begin(self, model: nn.Module | None) -> None:
        self._model = weakref.ref(model) if model is not None else None
        self._points, self._form = Points(), None
        self._valley = Valley(model)
        self._why_no_line = why_not(model) if model is not None else ""
        self._drawn = -1  # the iteration after which the line was drawn last
        self._part = 0  # the iteration that it took part in last

    @property
    def idle(self) -> bool:
        """Nothing that can be drawn was heard so far: only a forward can change that."""
        return self._asked is None and self._model is None

    # -- what is heard --------------------------------------------------------------------------

    def expected(self, model: Any, args: Any, named: Callable[[], Iterable[Any]]) -> None:
        """The loop waits before its first forward, with these values named in what follows."""
        self._safely(self._expected, model, args, named)

    def heard_forward(self, model: Any, args: Any, kwargs: Any, result: Any) -> None:
        """A model has answered."""
        self._safely(self._heard_forward, model, args, kwargs, result)

    def heard_loss(self, iteration: int, call: Any, args: Any, kwargs: Any, result: Any) -> None:
        """A loss was asked."""
        self._safely(self._heard_loss, iteration, call, args, kwargs, result)

    def heard_by_hand(
        self, iteration: int, loss: Tensor, named: Callable[[], Iterable[Any]]
    ) -> None:
        """A loss was written by hand, in a line with these values in it."""
        self._safely(self._heard_by_hand, iteration, loss, named)

    def heard_backward(self, iteration: int, loss: Any) -> None:
        """Backward was called on this."""
        self._safely(self._heard_backward, iteration, loss)

    def updated(self, iteration: int) -> None:
        """The parameters have moved."""
        self._safely(self._draw, iteration, True)

    def point(self, iteration: int, *, detailed: bool) -> list[Any] | None:
        """Where the model stands on the surface; None where there is none."""
        return self._safely(self._point, iteration, detailed)

    def held(self, iteration: int, takes_part: Callable[[nn.Module], bool]) -> None:
        """The loop stands still after this iteration's update, and somebody looks."""
        self._safely(self._held, iteration, takes_part)

    def turn(self) -> None:
        """The iteration is over."""
        self._asked = self._loss = None

    def _safely(self, function: Callable[..., Any], *args: Any) -> Any:
        """Without a picture the page is still a page."""
        if not self._on:
            return None
        try:
            return function(*args)
        except Exception as error:
            self._on, self._asked = False, None
            words = f"no picture of what is learnt: {type(error).__name__}: {error}"
            self._post("note", {"text": words[:500], "level": "info"})
            return None

    # -- one iteration --------------------------------------------------------------------------

    def _heard_forward(self, model: Any, args: Any, kwargs: Any, result: Any) -> None:
        self._asked = None
        if len(args) != 1 or kwargs or not (_is_plain(args[0]) and _is_plain(result)):
            return
        inputs = args[0]
        if not 0 < len(result) == len(inputs):
            return
        if _has_features(inputs):
            with quietly():
                self._asked = Asked(model, inputs, result.detach())

    def _expected(self, model: Any, args: Any, named: Callable[[], Iterable[Any]]) -> None:
        """Draw data and the untrained model, if what follows names one tensor that fits."""
        if len(args) != 1 or not _is_plain(args[0]) or not _has_features(args[0]) or why_not(model):
            return
        with quietly():
            ahead = list(named())
        if not any(_is_a_loss(one) for one in ahead):
            return  # what is named may be anything
        try:
            with trial(model):
                output = ask(model, args[0])
        except Exception:  # the script will say so itself, or it is asked otherwise there
            return
        self._heard_forward(model, args, {}, output)
        if self._asked is not None:
            self._meet_loosely(1, ahead, "")
        self._asked, self._guessed = None, self._form is not None

    def _heard_loss(self, iteration: int, call: Any, args: Any, kwargs: Any, result: Any) -> None:
        if self._asked is None or _is_lost(self._asked.output):
            return  # how it was asked is not seen now, and what was known stays
        with quietly():
            found = judged(call, args, kwargs, self._asked.output)
        if found is None:
            given = [one for one in (*args, *kwargs.values()) if isinstance(one, Tensor)][:2]
            words = "what the script does between the model and its loss is not known here"
            self._meet_loosely(iteration, given, words)
        elif self._meet(iteration, found.targets, found.name, found.between):
            with quietly():
                self._loss = result.detach()
            self._valley.judged(found, whole=result.numel() == 1)
            self._draw(iteration - 1, False)

    def _heard_by_hand(
        self, iteration: int, loss: Tensor, named: Callable[[], Iterable[Any]]
    ) -> None:
        words = "the loss is written by hand: it cannot be asked anew elsewhere"
        if self._asked is not None and not _is_lost(self._asked.output):
            output = self._asked.output
            with quietly():
                meant = [one for one in named() if _is_plain(one) and explains(loss, output, one)]
            self._meet_loosely(iteration, meant, words)

    def _meet_loosely(self, iteration: int, given: Iterable[Any], words: str) -> None:
        """How the loss was asked is not known; that one of these is its targets may be plain."""
        assert self._asked is not None
        inputs, output = self._asked.inputs, self._asked.output
        targets = {
            id(one): one for one in given
            if _is_plain(one) and not one.requires_grad and one is not inputs
            and len(one) == len(output) and one.numel() in (len(output), output.numel())
        }  # fmt: skip
        if len(targets) == 1 and self._meet(iteration, next(iter(targets.values())), "", ""):
            if words:
                self._valley.refuse(words)
            self._draw(iteration - 1, False)

    def _meet(self, iteration: int, targets: Tensor, loss: str, between: str) -> bool:
        """Take the points of this batch; False if they are not of the model that is shown."""
        assert self._asked is not None
        model, inputs, output = self._asked
        known = self._model() if self._model is not None else None
        if self._guessed:  # now it is known: how the loss is asked says what to draw
            known, self._guessed = None, False
        if known is not model:
            if known is not None and self._part >= iteration - 1:
                return False  # several models take part: the first is shown
            self._begin(model)
        self._part = iteration
        with quietly():
            form = form_of(inputs, output, targets, loss, between)
            if form is None or (self._form is not None and not self._form.goes_with(form)):
                return False
            if self._points.take(inputs, targets):
                self._tell_data(form)
        return True

    def _tell_data(self, form: Form) -> None:
        self._form = form.grown(self._points)
        self._post("data", self._form.told() | self._points.told() | {"words": self._why_no_line})

    def _heard_backward(self, iteration: int, loss: Any) -> None:
        if self._loss is not None and isinstance(loss, Tensor):
            if self._loss.data_ptr() != loss.data_ptr():
                self._valley.refuse("backward is called on more than this loss")
            else:
                self._valley.confirm()
            self._draw(iteration - 1, False)

    def _draw(self, iteration: int, moved: bool) -> None:
        model = self._model() if self._model is not None else None
        if model is None or self._form is None or self._why_no_line or not len(self._points):
            return
        if moved or self._drawn < 0:
            self._fit(model, iteration)
        with quietly():
            sound = all(bool(one.isfinite().all()) for one in nn.Module.parameters(model))
        if sound:  # else the last surface stays
            self._survey(model, iteration)

    def _held(self, iteration: int, takes_part: Callable[[nn.Module], bool]) -> None:
        model = self._model() if self._model is not None else None
        if model is not None and self._drawn < iteration and takes_part(model):
            self._draw(iteration, True)

    def _fit(self, model: nn.Module, iteration: int) -> None:
        assert self._form is not None
        self._drawn = iteration
        try:
            with trial(model):
                told = fitted(model, self._points, self._form)
        except Exception as error:
            words = f"{type(error).__name__}: {error}".partition("\n")[0]
            self._why_no_line = f"the model cannot be asked elsewhere: {words[:200]}"
            self._tell_data(self._form)
            return
        self._post("fitted", {"iteration": iteration} | told)

    def _survey(self, model: nn.Module, iteration: int) -> None:
        told = self._valley.survey(model, self._points, iteration)
        if told is not None:
            self._post("surface", {"iteration": iteration} | told)

    def _point(self, iteration: int, detailed: bool) -> list[Any] | None:
        model = self._model() if self._model is not None else None
        if model is None:
            return None
        if detailed and self._part == iteration and self._drawn < iteration:
            self._draw(iteration, True)  # the script moves the parameters itself
        with quietly():
            return self._valley.point()


def _is_a_loss(value: Any) -> bool:
    """One of torch's, or torch's functions themselves: the name of a call leaves its end out."""
    if isinstance(value, nn.Module):
        return is_loss(value)
    return value is nn.functional or getattr(value, "__module__", "") == nn.functional.__name__


def _has_features(inputs: Tensor) -> bool:
    """One feature or two: what a picture has room for."""
    return inputs.dtype.is_floating_point and inputs.shape[1:] in ((), (1,), (2,))


def _is_lost(tensor: Tensor) -> bool:
    """No number in it is finite."""
    with quietly():
        return bool(tensor.numel()) and not bool(tensor.isfinite().any())


def _is_plain(value: Any) -> bool:
    return isinstance(value, Tensor) and measurable(value) and value.dim() > 0
