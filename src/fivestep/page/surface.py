"""The loss of all data that was seen, over two numbers of the model, evaluated for real."""
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from fivestep.page.judging import Judging
from fivestep.page.points import Points
from fivestep.page.protocol import number
from fivestep.page.trial import ask

GRID, COARSE = 41, 9  # places along each side
FAR = 32.0  # as far as a minimum is looked for
NEAR = 2.0  # the same on a slice: what lies far off would be reached by the other numbers, too
LONGEST = 3.0  # seconds: the loop waits for it
WIDEST = 1e6  # of a surface; a path that leaves it is lost

Span = tuple[float, float]
Window = tuple[Span, Span]


class Entry(NamedTuple):
    """One number of a model."""

    name: str
    at: int  # its place in the flattened parameter
    shape: tuple[int, ...]

    @property
    def words(self) -> str:
        """As it is written in Python."""
        if math.prod(self.shape) == 1:
            return self.name
        place = torch.unravel_index(torch.tensor(self.at), self.shape)
        return f"{self.name}[{', '.join(str(int(one)) for one in place)}]"

    def read(self, parameters: dict[str, Tensor]) -> float:
        """What it is now."""
        return float(parameters[self.name].detach().reshape(-1)[self.at])


Pair = tuple[Entry, Entry]


class Ground(NamedTuple):
    """What a surface is evaluated with. Inside of ``trial``."""

    model: nn.Module
    judging: Judging
    points: Points
    pair: Pair
    until: float = math.inf  # on the clock of time.monotonic

    def losses(self, xs: Sequence[float], ys: Sequence[float]) -> list[list[float]]:
        """The loss at every place: a row for each y.

        Raises:
            Exception: whatever the model or the loss raises.
        """
        rows: list[list[float]] = []
        for y in ys:
            if time.monotonic() > self.until:
                raise TimeoutError(f"it takes more than {LONGEST:g} seconds here")
            places = torch.tensor([[x, y] for x in xs], dtype=torch.float64)
            rows.append(self._row(places).to("cpu", torch.float64).tolist())
        return rows

    def _row(self, places: Tensor) -> Tensor:
        own = {name: one.detach() for name, one in nn.Module.named_parameters(self.model)}
        varied = self._varied(own, places)

        def loss(one: dict[str, Tensor]) -> Tensor:
            return self._loss(own | one)

        try:
            return torch.func.vmap(loss)(varied)
        except Exception:  # such as one that looks at a value: then one after the other
            each = [{name: one[i] for name, one in varied.items()} for i in range(len(places))]
            return torch.stack([loss(one) for one in each])

    def _varied(self, own: dict[str, Tensor], places: Tensor) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for column, entry in enumerate(self.pair):
            base = own[entry.name]
            if entry.name not in found:
                found[entry.name] = base.expand(len(places), *base.shape).clone()
            flat = found[entry.name].view(len(places), -1)
            flat[:, entry.at] = places[:, column].to(base)
        return found

    def _loss(self, parameters: dict[str, Tensor]) -> Tensor:
        assert self.points.inputs is not None
        assert self.points.targets is not None
        output = ask(self.model, self.points.inputs, parameters)
        return self.judging.again(output, self.points.targets).reshape(())


def pair_of(parameters: dict[str, Tensor], before: dict[str, Tensor]) -> Pair | None:
    """The two numbers of a model; of more than two, those that moved most."""
    moved = [
        (abs(float(change)), name, at)
        for name, one in parameters.items()
        for at, change in _largest(one.detach() - before[name])
    ]
    moved.sort(key=lambda one: -one[0] if math.isfinite(one[0]) else 0.0)
    two = {(name, at) for _, name, at in moved[:2]}
    entries = [
        Entry(name, at, tuple(one.shape))
        for name, one in parameters.items()
        for at in sorted(place for owner, place in two if owner == name)
    ]
    return (entries[0], entries[1]) if len(entries) == 2 else None


def _largest(change: Tensor) -> list[tuple[int, float]]:
    flat = change.reshape(-1).abs()
    top = torch.topk(flat, min(2, len(flat)))
    return list(zip(top.indices.tolist(), top.values.tolist(), strict=True))


def first_window(ground: Ground, start: tuple[float, float], far: float = FAR) -> Window:
    """A window with the start of the path and, if it is near enough, the lowest place in it."""
    half = 0.25
    low = start
    while half <= far:
        xs, ys = (
            _places((start[0] - half, start[0] + half), COARSE),
            _places((start[1] - half, start[1] + half), COARSE),
        )
        rows = ground.losses(xs, ys)
        _, row, column = min(
            (value if math.isfinite(value) else math.inf, r, c)
            for r, line in enumerate(rows)
            for c, value in enumerate(line)
        )
        low = xs[column], ys[row]
        if 0 < row < COARSE - 1 and 0 < column < COARSE - 1:
            break
        half *= 2
    else:
        half, low = far / 4, start  # it only falls: a piece of the way
    return _around([start, low], (0.7 * half, 0.7 * half))


def wider(window: Window, path: Sequence[tuple[float, float]]) -> Window | None:
    """The window with all of the path in it; None if that has gone too far."""
    corners = [(window[0][i], window[1][i]) for i in (0, 1)]
    sides = [high - low for low, high in _around([*corners, *path], (0.0, 0.0))]
    if not all(side < WIDEST for side in sides):
        return None
    return _around([*corners, *path], (0.25 * sides[0], 0.25 * sides[1]))


def holds(window: Window, point: tuple[float, float]) -> bool:
    """Tell whether a place lies in a window."""
    return all(low <= one <= high for (low, high), one in zip(window, point, strict=True))


def _around(path: Sequence[tuple[float, float]], room: tuple[float, float]) -> Window:
    found: list[Span] = []
    for side in (0, 1):
        numbers = [one[side] for one in path]
        found.append((min(numbers) - room[side], max(numbers) + room[side]))
    return found[0], found[1]


def _places(span: Span, count: int) -> list[float]:
    low, high = span
    return [low + (high - low) * i / (count - 1) for i in range(count)]


def grid(window: Window, ground: Ground) -> dict[str, Any]:
    """The fields of a message: the places along the sides, and the loss at each."""
    xs, ys = _places(window[0], GRID), _places(window[1], GRID)
    rows = ground.losses(xs, ys)
    return {
        "x": [number(one) for one in xs],
        "y": [number(one) for one in ys],
        "loss": [[_short(one) for one in row] for row in rows],
    }


def _short(value: float) -> Any:
    """Four digits are more than a picture shows."""
    return float(f"{value:.4g}") if math.isfinite(value) else number(value)
