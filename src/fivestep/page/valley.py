"""The surface of the loss while a model walks over it: which two numbers, which window."""
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import math
import time
import weakref
from typing import Any

from torch import Tensor, nn

from fivestep.page.judging import Judging
from fivestep.page.points import Points
from fivestep.page.protocol import number
from fivestep.page.surface import (
    FAR,
    LONGEST,
    NEAR,
    Ground,
    Pair,
    Window,
    first_window,
    grid,
    holds,
    pair_of,
    wider,
)  # fmt: skip
from fivestep.page.trial import trial
from fivestep.vitals.measure import at_once, quietly

LARGEST = 20_000  # numbers of a model
MOST = 20_000_000  # numbers times points
ANEW = 2  # a slice is evaluated again after so many times the iterations: the others have moved,
AGAIN = 10  # and after so many it is chosen again: others may have moved more


class Valley:
    """Decides when a surface is to be told, and evaluates it.

    Args:
        model: whose loss it is; None: there is nothing to tell.
    """

    def __init__(self, model: nn.Module | None) -> None:
        self._judging: Judging | None = None
        self._why_not = ""
        self._told_why = False
        self._confirmed = False  # backward was called on the loss that was heard
        self._pair: Pair | None = None
        self._two: list[weakref.ref[Tensor]] = []  # the tensors that they stand in: quick to ask
        self._at: list[int] = []
        self._since = 0  # the iteration after which its path begins
        self._chosen = self._drawn = 0  # iterations
        self._start: tuple[float, float] = (math.nan, math.nan)
        self._window: Window | None = None
        self._path: list[tuple[float, float]] = []  # its two corners
        self._points = 0
        self._before: dict[str, Tensor] = {}
        self._count = 0
        if model is not None:
            self._keep_start(model)

    def _keep_start(self, model: nn.Module) -> None:
        parameters = _parameters(model)
        self._count = sum(one.numel() for one in parameters.values())
        odd = any(isinstance(part, nn.modules.batchnorm._NormBase) for part in model.modules())  # pyright: ignore[reportPrivateUsage]
        if self._count > LARGEST:
            self.refuse(f"the model has {self._count} numbers: too many to be tried out")
        elif self._count < 2:
            self.refuse("the model has one number only: a surface has two")
        elif odd:
            self.refuse("the model has a BatchNorm: its loss depends on what else is in a batch")
        else:
            with quietly():
                self._before = {name: one.detach().clone() for name, one in parameters.items()}

    def refuse(self, why: str) -> None:
        """There is no surface, for this reason."""
        self._why_not = self._why_not or why

    def judged(self, judging: Judging, *, whole: bool) -> None:
        """A loss was asked like this."""
        if not whole:
            self.refuse("the loss is put together from several numbers")
        if self._judging is None and (words := judging.why_not()):
            self.refuse(words)
        self._judging = judging

    def confirm(self) -> None:
        """That loss is the one that is made smaller."""
        self._confirmed = True

    def point(self) -> list[Any] | None:
        """Where the model stands now."""
        if self._pair is None or self._why_not:
            return None
        here = self._here()
        if here is None:
            return None
        return [number(one) for one in here]

    def _here(self) -> tuple[float, float] | None:
        found = [one() for one in self._two]
        if not all(one is not None and at_once(one) for one in found):
            return None
        first, second = (_number(one, at) for one, at in zip(found, self._at, strict=True))
        here = first, second
        if all(map(math.isfinite, here)):
            corners = [*self._path, here]
            low, high = [tuple(f(one[i] for one in corners) for i in (0, 1)) for f in (min, max)]
            self._path = [(low[0], low[1]), (high[0], high[1])]
        return here

    def survey(self, model: nn.Module, points: Points, iteration: int) -> dict[str, Any] | None:
        """The fields of a message, if there is something new to tell."""
        if self._why_not or (self._confirmed and self._count * len(points) > MOST):
            self.refuse("model and data are too many numbers to be tried out")
            return self._words()
        if self._judging is None or not self._confirmed:
            return None
        with quietly():
            self._choose(model, iteration)
            here = self._here() if self._pair is not None else None
        if here is None:
            return None
        known = self._window is not None and len(points) == self._points
        if known and self._fits(here) and not self._is_old(iteration):
            return None
        return self._evaluated(model, points, iteration)

    def _words(self) -> dict[str, Any] | None:
        if self._told_why:
            return None
        self._told_why = True
        return {"names": [], "words": f"No surface of the loss: {self._why_not}."}

    def _choose(self, model: nn.Module, iteration: int) -> bool:
        """Take the two numbers; of more than two, anew from time to time."""
        first = self._pair is None
        if not first and (self._count == 2 or iteration < AGAIN * self._chosen):
            return False
        if first and self._count > 2 and iteration == 0:
            return False  # nothing has moved
        parameters = _parameters(model)
        found = pair_of(parameters, self._before)
        self._chosen = max(iteration, 1)
        if found is None or found == self._pair:
            return False
        self._pair, self._window = found, None
        self._two = [weakref.ref(parameters[entry.name]) for entry in found]
        self._at = [entry.at for entry in found]
        begin = first and iteration <= 1
        self._since = 0 if begin else iteration
        known = self._before if begin else parameters
        self._start = found[0].read(known), found[1].read(known)
        self._path = [self._start]
        return True

    def _is_old(self, iteration: int) -> bool:
        return self._count > 2 and iteration >= ANEW * self._drawn

    def _fits(self, here: tuple[float, float]) -> bool:
        if not all(map(math.isfinite, here)) or self._window is None:
            return True  # lost: what was drawn last stays
        return all(holds(self._window, one) for one in self._path)

    def _evaluated(self, model: nn.Module, points: Points, iteration: int) -> dict[str, Any] | None:
        assert self._judging is not None
        assert self._pair is not None
        loss = self._judging.find()
        until = time.monotonic() + LONGEST
        ground = Ground(model, self._judging, points, self._pair, until)
        try:
            with trial(model, *([loss] if isinstance(loss, nn.Module) else [])):
                window = self._next_window(ground)
                if window is None:
                    return None
                told = grid(window, ground)
        except Exception as error:
            words = f"{type(error).__name__}: {error}".partition("\n")[0]
            self.refuse(f"it cannot be asked elsewhere ({words[:200]})")
            return self._words()
        self._window, self._points, self._drawn = window, len(points), max(iteration, 1)
        return self._told(model, points, iteration) | told

    def _next_window(self, ground: Ground) -> Window | None:
        if self._window is None:
            found = first_window(ground, self._start, FAR if self._count == 2 else NEAR)
            return (
                found if all(holds(found, one) for one in self._path) else wider(found, self._path)
            )
        if all(holds(self._window, one) for one in self._path):
            return self._window
        return wider(self._window, self._path)

    def _told(self, model: nn.Module, points: Points, iteration: int) -> dict[str, Any]:
        assert self._pair is not None
        is_slice = self._count > 2
        over = f"{'more than ' if points.full else ''}{len(points)} points"
        words = f"The loss of the {over} seen so far"
        if any(isinstance(part, nn.modules.dropout._DropoutNd) for part in model.modules()):  # pyright: ignore[reportPrivateUsage]
            words += ", without dropout"
        if is_slice:
            rest = self._count - 2
            words = (
                f"A slice: {words[0].lower()}{words[1:]}, over the two numbers that had moved "
                f"most. {_others(rest)} after iteration {iteration}"
            )
        return {
            "names": [entry.words for entry in self._pair],
            "start": [number(one) for one in self._start],
            "since": self._since, "slice": is_slice, "words": f"{words}.",
        }  # fmt: skip


def _number(tensor: Tensor | None, at: int) -> float:
    assert tensor is not None
    return tensor.item() if tensor.numel() == 1 else tensor.detach().reshape(-1)[at].item()


def _others(count: int) -> str:
    return (
        "The third stands as it stood" if count == 1 else f"The other {count} stand as they stood"
    )


def _parameters(model: nn.Module) -> dict[str, Tensor]:
    return dict(nn.Module.named_parameters(model))
