"""What is to be proved on: the user's objects, some of their data, and copies to try things on."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from fivestep.items import Items
from fivestep.proofs.bench.quiet import coupling_norms, draws, dropout_off, freeze
from fivestep.proofs.bench.rows import Fixed, Rows
from fivestep.proofs.bench.trial import Trial, copied, dtype_of, widened
from fivestep.proofs.bench.wide import in_float64
from fivestep.randomness import seed_all


class Kind(NamedTuple):
    """In which type something is computed, and whether the verdict hangs on it."""

    wide: bool
    decides: bool


@dataclass
class Workbench:
    """The subject of all guarantees. ``trial`` hands out copies; nothing else is ever used."""

    model: Any
    loss_fn: Any
    optimizer: Any
    rows: Rows
    batch_size: int
    window: int
    seed: int
    items: Callable[[Any], Any] | None = None
    forward: Callable[[Any, Any], Any] | None = None
    tolerance: float | None = None
    setup: str | None = None  # the file that made them, for a fresh process to make them again
    narrow: str = ""  # why it does not run in float64
    drawing: list[str] = field(default_factory=list[str])  # generators used in eval mode, too
    still: bool = False  # dropout is a function in a forward, and off in eval mode only
    calmed: tuple[str, ...] = ()  # buffers whose modules are put in eval mode; see ``calm``
    known: dict[str, Any] = field(default_factory=dict[str, Any])  # what several proofs ask for

    @property
    def dtype(self) -> torch.dtype:
        """The user's own type."""
        return dtype_of(self.model, self.optimizer)

    @contextmanager
    def trial(self, *, wide: bool = False) -> Generator[Trial]:
        """Copy model and optimizer, seed all random numbers, and compute in float64 if ``wide``."""
        seed_all(self.seed)
        made = copied(self.model, self.loss_fn, self.optimizer, self.forward, self.items, wide=wide)
        made.still, made.calmed = self.still, self.calmed
        with in_float64() if wide else nullcontext():
            yield made

    @contextmanager
    def calm(self, buffers: tuple[str, ...]) -> Generator[None]:
        """Let the modules that own these buffers be in eval mode in what is tried meanwhile."""
        self.calmed, known, self.known = buffers, self.known, dict[str, Any]()
        try:
            yield
        finally:
            self.calmed, self.known = (), known

    def once(self, name: str, find: Callable[[], Any]) -> Any:
        """Find something out the first time that it is asked for."""
        if name not in self.known:
            self.known[name] = find()
        return self.known[name]

    def samples(self, *, wide: bool = False) -> Rows:
        """The data, in float64 if ``wide``."""
        return self.rows.mapped(widened) if wide else self.rows

    def kinds(self) -> list[Kind]:
        """float64 decides where the model runs in it; its own type is told beside it."""
        if self.narrow or self.dtype is torch.float64:
            return [Kind(wide=False, decides=True)]
        return [Kind(wide=True, decides=True), Kind(wide=False, decides=False)]

    def training_batches(self, rows: Rows | None = None) -> Fixed:
        """Batches as in training, the last one smaller than the others but not alone."""
        rows = rows or self.rows
        size = min(self.batch_size, max(2, rows.count // 3))
        sizes = [size] * (rows.count // size)
        rest = rows.count - sum(sizes)
        if rest > 1:
            sizes.append(rest)
        elif len(sizes) > 1 and size > 2:
            sizes[-1] = size - 1
        return rows.cut(sizes or [rows.count])

    def notes(self) -> tuple[str, ...]:
        """What was different from the user's own type."""
        return (self.narrow,) if self.narrow else ()

    def calm_notes(self) -> tuple[str, ...]:
        """The same where dropout had to be off."""
        said = "in eval mode: with its dropout modules off, the forward draws random numbers still"
        return (*self.notes(), said) if self.still else self.notes()


def quiet(trial: Trial, *, norms: bool) -> None:
    """Switch off dropout and, if ``norms``, BatchNorm's look at the batch."""
    coupling = coupling_norms(trial.model)
    dropout_off(trial.model)
    if trial.still:
        trial.model.eval()
        for norm in coupling.values():
            norm.train()
    for name in trial.calmed:
        trial.model.get_submodule(name.rpartition(".")[0]).eval()
    if norms:
        freeze(coupling)


def counter(trial: Trial) -> Items:
    """What counts the items of a batch for this loss."""
    return Items(trial.loss_fn, trial.items, whole=trial.forward is not None)


def to_device(bench: Workbench) -> None:
    """Move the samples to where the model is."""
    device = next(one.device for group in bench.optimizer.param_groups for one in group["params"])
    bench.rows = bench.rows.mapped(lambda one: one.to(device))


def rehearse(bench: Workbench) -> None:
    """Go through one backward on a copy, so that what cannot work is told before any proof.

    Raises:
        ValueError: the loss is not finite, or it reaches for the caller's own model.
    """
    own = [one for group in bench.optimizer.param_groups for one in group["params"]]
    before = [one.grad for one in own]
    kept = [None if one is None else one.clone() for one in before]
    loss = _once(bench)
    _refuse_own(own, before, kept)
    if not bool(torch.isfinite(loss)):
        raise ValueError(
            f"the loss of the first {bench.rows.count} samples is {loss.item()}\n"
            "  do: mend that first: fivestep run SCRIPT says where it comes from"
        )
    bench.still = bool(_drawing(bench)) and isinstance(bench.model, nn.Module)
    bench.drawing = _drawing(bench)
    bench.narrow = _why_narrow(bench)


def _drawing(bench: Workbench) -> list[str]:
    with bench.trial() as trial, torch.no_grad():
        quiet(trial, norms=True)
        inputs, _ = bench.rows.pair(slice(0, bench.rows.count))
        return draws(lambda: trial.predict(inputs))


def _once(bench: Workbench) -> Tensor:
    try:
        with bench.trial() as trial:
            quiet(trial, norms=False)
            return trial.backward(*bench.rows.pair(slice(0, bench.rows.count)))
    except Exception as error:
        raise ValueError(
            f"one iteration on a copy of the model failed: {type(error).__name__}: {error}\n"
            "  do: see that copy.deepcopy((model, optimizer)) works, and then a forward, the loss "
            f"and a backward of {bench.rows.count} samples"
        ) from error


def _refuse_own(own: list[Tensor], before: list[Any], kept: list[Any]) -> None:
    touched = False
    for parameter, grad, copy in zip(own, before, kept, strict=True):
        same = parameter.grad is grad and (grad is None or grad.equal(copy))
        if not same:
            touched = True
            if grad is not None:
                grad.copy_(copy)
            parameter.grad = grad
    if touched:
        raise ValueError(
            "the loss or forward uses the model from outside (a global or a closure), so it cannot "
            "be tried on a copy\n  do: reach it through forward=lambda model, batch: ..., or make "
            "the loss a module that holds it"
        )


def _why_narrow(bench: Workbench) -> str:
    if bench.dtype is torch.float64:
        return ""
    try:
        with bench.trial(wide=True) as trial:
            quiet(trial, norms=False)
            rows = bench.samples(wide=True)
            loss = trial.backward(*rows.pair(slice(0, rows.count)))
            if loss.dtype is not torch.float64:
                return f"not in float64: the loss comes out in {loss.dtype}"
    except (RuntimeError, TypeError, ValueError) as error:
        said = str(error).strip().split("\n")[0]
        return f"not in float64, which the model or the loss cannot do: {said:.100}"
    return ""
