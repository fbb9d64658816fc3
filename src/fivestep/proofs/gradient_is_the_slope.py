"""The gradient that backward gives is the slope of the loss.

In float64, for some elements of each parameter: move it by a step to both sides, and compare the
difference of the two losses, divided by twice the step, with the gradient. One more direction
moves all parameters at once, so that no element is left out. Two step sizes are tried, because a
kink (ReLU) may lie within the larger. Where the slopes to the left and to the right differ, and
stay so with the smaller step, there is a kink: that is not judged, but counted.
Random numbers are the same in each forward, and buffers are put back: both change the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction

from fivestep.proofs.bench.compare import name_of
from fivestep.proofs.bench.condition import scale
from fivestep.proofs.bench.restless import restless, said_of
from fivestep.proofs.bench.trial import Trial
from fivestep.proofs.bench.verdict import Measure, Shown, Verdict, judged, not_applicable
from fivestep.proofs.bench.workbench import Workbench, quiet
from fivestep.proofs.words import told_apart
from fivestep.randomness import seed_all

CLAIM = "the gradient is the slope of the loss, by central differences in float64"
ELEMENTS = 24
ROWS = 8
STEPS = (2**-17, 2**-20)  # times the weight where that is over 1
ROUNDINGS = 64  # in a loss, in machine epsilons
SHARE = 1e-6  # of the largest gradient: what curvature may add


class Slope(NamedTuple):
    """The slope at one element, by backward and by differences."""

    where: str
    gradient: float
    slope: float
    bound: float
    kink: bool = False  # the slopes to both sides differ

    @property
    def apart(self) -> float:
        """How far the two are from each other."""
        return abs(self.gradient - self.slope)


def show(bench: Workbench) -> Shown:
    """Compare backward with central differences."""
    if bench.narrow:
        return not_applicable(f"differences need float64: {bench.narrow}")
    shown = _shown(bench)
    if shown.verdict is not Verdict.FAILS or not (names := restless(bench)):
        return shown
    with bench.calm(names):
        calm = _shown(bench)
    if calm.verdict is not Verdict.HOLDS:
        return calm
    return not_applicable(
        f"{said_of(names)}, and no gradient goes through them: in train mode they move with the "
        "weights. With the modules that own them in eval mode it is the slope",
        measures=(*calm.measures, *shown.measures),
    )


def _shown(bench: Workbench) -> Shown:
    sizes = scale(bench, wide=True)
    with bench.trial(wide=True) as trial:
        probe = _Probe(bench, trial, sizes.loss)
        if not probe.gradients:
            return not_applicable("no parameter got a gradient", "fivestep run SCRIPT tells why")
        if not probe.repeats():
            return not_applicable("the same forward gives another loss each time")
        slopes = [probe.everywhere(), *(probe.element(*one) for one in _elements(bench, probe))]
        shown = _judged(slopes, probe.largest)
        return shown if shown.verdict is Verdict.HOLDS else _explained(shown, slopes, probe)


class _Probe:
    """A loss as a function of the parameters, and its gradient where they stand."""

    def __init__(self, bench: Workbench, trial: Trial, size: float) -> None:
        quiet(trial, norms=False)
        rows = bench.samples(wide=True).first(ROWS)
        self._trial, self._seed, self._size = trial, bench.seed, size
        self._pair = rows.pair(slice(0, rows.count))
        model = trial.model
        buffers = list(model.buffers()) if isinstance(model, nn.Module) else []
        self._buffers = [(one, one.clone()) for one in buffers]
        self.parameters = {
            name: one for name, one in trial.parameters().items()
            if one.requires_grad and one.is_floating_point()
        }  # fmt: skip
        seed_all(self._seed)
        loss = trial.loss(*self._pair)
        trial.optimizer.zero_grad()
        self.functions = sorted(_own_functions(loss))
        loss.backward()
        self.loss, self.gradients = float(loss.detach()), trial.gradients()
        found = [float(one.abs().max()) for one in self.gradients.values() if one.numel()]
        self.largest = max(found, default=0.0)

    @torch.no_grad()
    def __call__(self) -> float:
        """The loss at the present weights."""
        for buffer, kept in self._buffers:
            buffer.copy_(kept)
        seed_all(self._seed)
        return float(self._trial.loss(*self._pair))

    def repeats(self) -> bool:
        """Tell whether the same weights give the same loss, after the backward as well."""
        return self() == self() and abs(self() - self.loss) <= self._noise(1.0)

    def element(self, name: str, place: int) -> Slope:
        """The slope in one element of one parameter."""
        values, gradient = self.parameters[name].data, self.gradients.get(name)
        # By its axes: the elements of channels_last weights do not lie in the order of these.
        index = tuple(map(int, torch.unravel_index(torch.tensor(place), values.shape)))
        given = 0.0 if gradient is None else float(gradient[index])
        kept = values[index].clone()

        def move(step: float) -> float:
            values[index] = kept + step
            loss = self()
            values[index] = kept
            return loss

        where = f"{name}{list(index) if index else ''}"
        return self._slope(where, given, move, max(1.0, abs(float(kept))))

    def everywhere(self) -> Slope:
        """The slope in one direction of all parameters together, of length 1."""
        generator = torch.Generator().manual_seed(self._seed)
        kept = {name: one.detach().clone() for name, one in self.parameters.items()}
        ways = {
            name: torch.randn(one.shape, generator=generator).to(one) for name, one in kept.items()
        }
        length = sum(float(way.square().sum()) for way in ways.values()) ** 0.5 or 1.0
        given = sum(float((self.gradients[n] * ways[n]).sum()) for n in self.gradients if n in ways)

        def move(step: float) -> float:
            for name, one in self.parameters.items():
                one.data.copy_(kept[name] + step / length * ways[name])
            loss = self()
            for name, one in self.parameters.items():
                one.data.copy_(kept[name])
            return loss

        return self._slope("all parameters, a random direction", given / length, move, 1.0)

    def _slope(
        self, where: str, given: float, move: Callable[[float], float], unit: float
    ) -> Slope:
        slope = bound = 0.0
        gaps: list[float] = []
        for step in (size * unit for size in STEPS):
            high, low = move(step), move(-step)
            slope, bound = (high - low) / (2 * step), self._noise(step) + SHARE * self.largest
            if abs(slope - given) <= bound:
                return Slope(where, given, slope, bound)
            gaps.append(abs((high - self.loss) / step - (self.loss - low) / step))
        wide, narrow = gaps  # a bend gets straighter with a smaller step; a kink stays
        kink = abs(slope - given) <= narrow or narrow > max(bound, wide / 2)
        return Slope(where, given, slope, bound, kink)

    def _noise(self, step: float) -> float:
        return ROUNDINGS * torch.finfo(torch.float64).eps * self._size / step


def _elements(bench: Workbench, probe: _Probe) -> list[tuple[str, int]]:
    """An element of each parameter with a gradient that is not 0 there, then any others."""
    generator = torch.Generator().manual_seed(bench.seed)

    def below(count: int) -> int:
        return int(torch.randint(count, (1,), generator=generator))

    names = [name for name, one in probe.parameters.items() if one.numel()]
    order = [names[int(i)] for i in torch.randperm(len(names), generator=generator)]
    found: dict[tuple[str, int], None] = {}
    for name in order[:ELEMENTS]:
        gradient = probe.gradients.get(name)
        alive = [] if gradient is None else gradient.reshape(-1).nonzero().reshape(-1).tolist()
        found[name, alive[below(len(alive))] if alive else 0] = None
    for number in range(ELEMENTS - len(found)):
        name = order[number % len(order)]
        found[name, below(probe.parameters[name].numel())] = None
    return list(found)


def _judged(slopes: list[Slope], largest: float) -> Shown:
    smooth = [one for one in slopes if not one.kink]
    kinks = len(slopes) - len(smooth)
    notes = (f"{kinks} of {len(slopes)} lie at a kink and were not judged",) if kinks else ()
    if not smooth:
        return not_applicable("the loss has a kink wherever it was tried")
    worst = max(smooth, key=lambda one: one.apart / one.bound if one.bound else one.apart)
    what = f"gradient of {len(slopes) - 1} elements and of one direction with central differences"
    why = (
        f"{ROUNDINGS} machine epsilons of the loss / step, {SHARE:g} of the largest gradient; "
        f"steps 2^-17 and 2^-20"
    )
    measure = Measure(
        what, name_of(torch.float64), worst.apart, worst.apart / (largest or 1.0), worst.where,
        worst.bound or 1e-300, why, worst.apart == 0,
    )  # fmt: skip
    return judged(measure, notes=notes)


def _explained(shown: Shown, slopes: list[Slope], probe: _Probe) -> Shown:
    wrong = [one for one in slopes if not one.kink and one.apart > one.bound]
    if not wrong:
        return shown
    first = max(wrong, key=lambda one: (one.where in shown.measures[0].where, one.apart))
    given, slope = told_apart(first.gradient, first.slope, digits=4)
    said = f"at {first.where} backward gives {given}, and the slope is {slope}"
    do = "compare backward with forward in it: torch.autograd.gradcheck(Function.apply, inputs)"
    if probe.functions:
        cause = f"{said}; autograd.Functions of the model's own: {', '.join(probe.functions)}"
    elif first.gradient == 0:
        cause = f"{said}: something between it and the loss cuts the graph"
        do = "look for .detach(), .data, .item(), torch.no_grad(), numpy or argmax on its way"
    else:
        cause = f"{said}: a part of its way to the loss is cut, or a hook changes the gradient"
        do = "look for .detach(), .data, torch.no_grad() and register_hook on its way"
    return Shown(
        verdict=Verdict.FAILS, measures=shown.measures, cause=cause, do=do, notes=shown.notes
    )


def _own_functions(loss: Tensor) -> Iterator[str]:
    """The names of the custom autograd.Functions behind a loss."""
    seen: set[Any] = set()
    found: set[str] = set()
    left: list[Any] = [loss.grad_fn]
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, BackwardCFunction):
            found.add(type(node).__name__.removesuffix("Backward"))
        left += [parent for parent, _ in node.next_functions]
    yield from found
