"""Which samples were trained on, and which of them an evaluation saw again.

A row of the first input is known by 64 bits. Only on the CPU, and only as many as ``ROWS``: then no
more is looked at.
"""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fivestep.vitals.classes import Classes, labels_in
from fivestep.vitals.facts import Site
from fivestep.vitals.measure import measurable, quietly
from fivestep.vitals.record import PassFacts
from fivestep.vitals.registry import names_of

ROWS = 32_768  # of training that are known
FORWARDS = 512  # of training that are looked at
AT_ONCE = 8_192  # rows of one forward, else it is not looked at
COLUMNS = 64  # of a row, evenly spaced
FEWEST = 4  # elements of a row: with fewer, rows are alike by chance
PASSES = 64  # evaluations that are kept
SAMPLED = 128  # rows in which values of their own are looked for
APART, OWN = 16, 0.9  # different rows at least, and the share of them with a value of its own
SETTLED, NEW = 0.25, 0.02  # no more new rows than this in the last part: all were seen

_NUMPYS = frozenset(  # the types that NumPy has, too
    {torch.float64, torch.float32, torch.float16, torch.int64, torch.int32, torch.int16, torch.int8,
     torch.uint8, torch.bool}
)  # fmt: skip
_MIX = np.random.Generator(np.random.PCG64(5)).integers(
    1, 2**63, COLUMNS, dtype=np.uint64
) | np.uint64(1)


@dataclass(slots=True)
class Given:
    """The rows that one forward was given."""

    at: int
    model: int
    site: Site | None
    graded: bool  # gradients were on
    rows: list[int] | None  # None: not looked at
    floating: bool
    whole: bool
    names: tuple[str, ...]
    continuous: bool = False
    alone: bool = False
    labels: list[int] | None = None  # of a training: the target of each row, if it is a class


class Samples:
    """Gathers the rows of one run."""

    def __init__(self, passes: list[PassFacts]) -> None:
        self.passes = passes
        self.given: list[Given] = []  # in the iteration that is going on
        self._trained: dict[int, set[int]] = {}
        self._classes: dict[int, Classes] = {}
        self._fresh: dict[int, list[int]] = {}  # of each training forward: rows that were new
        self._sizes: dict[int, list[int]] = {}
        self._forwards = self._rows = 0
        self.full = False  # enough is known: no more is looked at
        self._skipped: set[int] = set()  # models of which not every training row is known
        self._loaders: set[int] = set()  # that were trained on
        self._whole: set[int] = set()  # of these, that came to their end
        self._open: dict[tuple[int, ...], tuple[PassFacts, set[int]]] = {}

    def forward(
        self, at: int, model: int, args: tuple[Any, ...], graded: bool, site: Site | None,
        *, alone: bool = False,
    ) -> None:  # fmt: skip
        """A model is given its inputs; ``alone`` if the first is the only tensor."""
        if graded and self.full:
            if model not in self._skipped:
                self._skipped.add(model)
            return
        first = args[0] if args else None
        if not isinstance(first, torch.Tensor) or (not graded and len(self.passes) >= PASSES):
            return
        rows = _rows(first)
        names = () if graded or not rows else names_of(first)
        whole = not graded and bool(rows) and _whole(first)
        floating = first.is_floating_point()
        apart = floating and not graded and bool(rows) and _continuous(first)
        self.given.append(
            Given(at, model, site, graded, rows, floating, whole, names, apart, alone)
        )

    def judged(self, target: torch.Tensor | None) -> None:
        """A loss is taken of what the last forward answered."""
        last = self.given[-1] if self.given and not self.full else None
        if last is not None and last.graded and last.rows and target is not None:
            last.labels = last.labels or labels_in(target, len(last.rows))

    def ended(self, loader: int) -> None:
        """A loader had no more batches."""
        if loader in self._loaders:
            self._whole.add(loader)

    def close(
        self, iteration: int, trains: bool, through: dict[int, bool], judged: int,
        picked: int, batch: tuple[int, int] | None,
    ) -> None:  # fmt: skip
        """The iteration ends.

        Args:
            iteration: its number.
            trains: it had a backward.
            through: forwards by their place in the run, and whether a backward came through them.
            judged: place of the last loss or metric without gradients; forwards before it evaluate.
            picked: place of the last argmax; forwards before it evaluate or act.
            batch: loader and epoch, if it began with a batch.
        """
        given, self.given = self.given, []
        graded = [one for one in given if one.graded]
        for one in graded if trains else ():
            if through.get(one.at, len(graded) == 1):
                self._train(one, batch)
            elif one.at not in through:
                self._skipped.add(one.model)
        for one in given:
            if not one.graded and one.rows and one.at < max(judged, picked):
                self._evaluate(one, one.rows, iteration, batch, picked=one.at > judged)

    def _train(self, one: Given, batch: tuple[int, int] | None) -> None:
        if batch is not None:
            self._loaders.add(batch[0])
        self._forwards += 1
        self.full = self._forwards >= FORWARDS
        if one.rows is None:
            self._skipped.add(one.model)
            return
        known = self._trained.setdefault(one.model, set())
        before = len(known)
        known.update(one.rows)
        self._classes.setdefault(one.model, Classes()).add(one.rows, one.labels)
        self._fresh.setdefault(one.model, []).append(len(known) - before)
        self._sizes.setdefault(one.model, []).append(len(one.rows))
        self._rows += len(one.rows)
        self.full = self.full or self._rows >= ROWS

    def _evaluate(
        self, one: Given, rows: list[int], iteration: int, batch: tuple[int, int] | None,
        *, picked: bool,
    ) -> None:  # fmt: skip
        known = self._trained.get(one.model)
        if not known or (batch is not None and batch[0] in self._loaders):
            return
        key = (one.model, *batch) if batch is not None else (one.model, -1, one.at)
        if key not in self._open:
            loader = batch[0] if batch is not None else None
            complete = self._complete(one.model)
            facts = PassFacts(
                one.model,
                loader,
                one.site,
                one.names,
                iteration,
                complete,
                one.floating,
                one.whole,
                len(known),
                one.continuous,
                picked,
                balance=self._classes[one.model].balance(),
                uneven=self._classes[one.model].uneven(),
                again=self._classes[one.model].again(),
                alone=one.alone,
                settled=self._settled(one.model),
            )
            self._open[key] = facts, set()
            self.passes.append(facts)
        facts, seen = self._open[key]
        facts.rows += len(rows)
        facts.shared += sum(row in known for row in rows)
        seen.update(rows)
        facts.distinct = len(seen)
        covered = seen & known
        facts.covered = len(covered)
        facts.alike = self._classes[one.model].share(covered)

    def _complete(self, model: int) -> bool:
        """Every row that it is trained on has been seen."""
        if model in self._skipped:
            return False
        return self._loaders <= self._whole if self._loaders else self._settled(model)

    def _settled(self, model: int) -> bool:
        """The last rows of the training had come before."""
        fresh, sizes = self._fresh[model], self._sizes[model]
        part = max(1, round(len(fresh) * SETTLED))
        return len(fresh) > 1 and sum(fresh[-part:]) <= NEW * sum(sizes[-part:])


def _whole(tensor: torch.Tensor) -> bool:
    with quietly():
        first = tensor.detach()[:16].to(torch.float64)
        return bool((first == first.round()).all())


def _continuous(tensor: torch.Tensor) -> bool:
    """A column, of a sample, in which nearly all rows that differ have values of their own."""
    with quietly():
        flat = tensor.detach()[:SAMPLED].reshape(min(len(tensor), SAMPLED), -1)
        flat = flat[:, :: -(-flat.shape[1] // COLUMNS)].to(torch.float64)
        rows = torch.unique(flat, dim=0)
        most = max(len(torch.unique(column)) for column in rows.t())
    return len(rows) >= APART and most >= OWN * len(rows)


def _rows(tensor: torch.Tensor) -> list[int] | None:
    """64 bits of every row of a batch; rows of one value are left out."""
    if tensor.dim() < 2 or tensor.device.type != "cpu" or not measurable(tensor):
        return None
    if not 0 < len(tensor) <= AT_ONCE or math.prod(tensor.shape[1:]) < FEWEST:
        return None
    with quietly():
        kept = tensor.detach().resolve_neg()
        if kept.dtype not in _NUMPYS:
            kept = kept.to(torch.float64)
        flat = kept.numpy().reshape(len(kept), -1)  # this is done in every iteration
    with np.errstate(invalid="ignore"):  # a NaN stays one
        values = np.ascontiguousarray(flat[:, :: -(-flat.shape[1] // COLUMNS)], dtype=np.float64)
    varied = values.min(axis=1) < values.max(axis=1)
    bits = values[varied].view(np.uint64)
    bits = (bits ^ (bits >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
    bits ^= bits >> np.uint64(29)
    return (bits * _MIX[: bits.shape[1]]).sum(axis=1, dtype=np.uint64).tolist()
