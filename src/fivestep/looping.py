"""A hand-written loop that saves itself as it goes, and goes on where it was."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Literal, NamedTuple

from torch import Tensor, nn

from fivestep.batches import Batches, batches
from fivestep.checkpoints.exact import Exact, SeededFeed, exact
from fivestep.checkpoints.interval import Due, due
from fivestep.checkpoints.keeper import Keeper
from fivestep.checkpoints.objects import begin, fingerprint, load_states, states
from fivestep.checkpoints.seeds import random_states, seed_for, set_random_states
from fivestep.durations import Duration, Lengths
from fivestep.interrupt import RESUME_ME, Interrupt
from fivestep.unwrapped import copy_of_state


class BestSoFar(NamedTuple):
    """The best value that was told, and the weights that it tells of, by the names of modules."""

    value: float | None = None
    mode: str | None = None
    weights: dict[str, dict[str, Any]] = {}  # noqa: RUF012 (nobody writes to it)
    session: bool = False  # it was followed since the program was started


class Loop:
    """Counts the epochs and batches of a loop, and saves between two batches.

    Args:
        keeper: the folder, held.
        objects: what has a state, by name.
        values: plain values of the loop's own.
        every: how often to save.
        seed: decides the order and the random numbers of every batch.
        strict: refuse what was saved of other objects.
        keep_best: whether a new best makes a save due, which stays besides the newest.
    """

    def __init__(
        self,
        keeper: Keeper,
        objects: Mapping[str, Any],
        values: dict[str, Any],
        *,
        every: Duration | float | Due | None,
        seed: int,
        strict: bool,
        keep_best: bool,
    ) -> None:
        self._keeper, self._objects, self._values = keeper, dict(objects), values
        self._seed, self._strict, self._keep_best = seed, strict, keep_best
        self._best = BestSoFar()
        self._newly_best = False  # since the last place where it could be saved
        self._open = self._early = False  # the loop goes on; its batches were not begun before
        self._interrupt = Interrupt(terminate=True)
        self._due = due(every, Lengths())
        self.epoch = self.iteration = self.finished = 0
        self._feed: SeededFeed | None = None
        self._start = 0  # the batches of the epoch that what was saved has seen
        self._made: Exact | None = None
        self._data: Any = None
        self._random: dict[str, Any] | None = None
        self._used = False

    @property
    def batch(self) -> int:
        """The place of the batch at hand in its epoch, from 0."""
        return self._start if self._feed is None else max(self._feed.count - 1, 0)

    def epochs(self, count: int) -> Generator[int]:
        """Count the epochs, from the one that is not finished."""
        with ExitStack() as stack:
            stack.callback(self._keeper.release)
            stack.enter_context(self._interrupt)
            self._begin()
            try:
                self._open = True
                while self.finished < count:
                    self.epoch, self._used, self._early = self.finished + 1, False, False
                    # What stands before the batches draws the same when it runs again.
                    seed_for(self._seed, self.epoch, 0, "loop")
                    yield self.epoch
                    self._end_epoch()
                self._save(wait=True)
            finally:
                self._open = False
                self._keeper.wait()
                if self._made is not None:
                    self._made.close()

    def _begin(self) -> None:
        begin(self._objects)
        self._need_own()
        given = self._keeper.restored()
        if given is None:
            self._keeper.first(self._body(), self._parts())
            return
        noted = load_states(self._objects, given["objects"], strict=self._strict)
        self._tell(noted.forgotten, noted.other)
        self._load_gradients(given["gradients"])
        self._values.clear()
        self._values.update(given["values"])
        loop = given["loop"]
        if loop["seed"] != self._seed:
            raise ValueError(
                f"checkpoint: seed was {loop['seed']} and is {self._seed}, which orders the "
                f"samples anew\n  do: seed={loop['seed']}, or another folder"
            )
        self.finished, self.iteration, self._start = loop["place"]
        self._data, self._random = given["data"], given["random"]
        self._best = BestSoFar(**given["best"])
        self._due.resumed()

    def _need_own(self) -> None:
        found = self._keeper.found
        if found is not None and not found.body.get("hand"):
            raise ValueError(
                f"checkpoint: {self._keeper.folder} was saved by fit, and this is a loop of your "
                "own\n  do: name another folder"
            )

    def monitor(self, value: float, mode: Literal["min", "max"]) -> bool:
        """Tell whether a value is the best so far; if so, keep the weights that it tells of."""
        if not self._open:
            raise ValueError(
                "checkpoint.monitor was called outside of checkpoint.epochs\n"
                "  do: for epoch in checkpoint.epochs(10): ..., checkpoint.monitor(loss)"
            )
        self._early |= not self._used
        best = self._best
        if best.mode not in (None, mode):
            if best.session:
                raise ValueError(
                    f"checkpoint.monitor followed mode={best.mode!r}, and mode={mode!r} was given\n"
                    "  do: follow one value, and keep others in checkpoint.values"
                )
            self._keeper.say(f"the best is looked for anew: mode was {best.mode!r}, is {mode!r}")
            best = BestSoFar()
        worse = best.value is not None and (
            value >= best.value if mode == "min" else value <= best.value
        )
        if math.isnan(value) or worse:
            self._best = best._replace(mode=mode, session=True)
            return False
        modules = {n: one for n, one in self._objects.items() if isinstance(one, nn.Module)}
        weights = {name: copy_of_state(one) for name, one in modules.items()}
        self._best = BestSoFar(value, mode, weights if self._keep_best else {}, session=True)
        self._newly_best = True
        return True

    def _end_epoch(self) -> None:
        self._feed, self._start, self.finished = None, 0, self.epoch
        self._boundary(epoch_ended=True)

    def batches(self, data: Any, batch_size: int | None, shuffle: bool | None) -> Iterator[Any]:
        """Hand out the batches of this epoch that what was saved has not seen."""
        if self._used or not self.epoch:
            raise ValueError(
                "checkpoint.batches was called "
                + ("twice in one epoch" if self.epoch else "outside of checkpoint.epochs")
                + "\n  do: for epoch in checkpoint.epochs(10): for batch in "
                "checkpoint.batches(loader): ..., once in each epoch"
            )
        if self._early:  # it would be called again, of other weights, when the epoch goes on
            raise ValueError(
                "checkpoint.monitor was called before checkpoint.batches in this epoch\n"
                "  do: call it after an update, or where the epoch's batches are over"
            )
        self._used = True
        made = self._exact(data, batch_size, shuffle)
        start = self._start
        if isinstance(made, Exact) and not start:
            made.begin()
        if start and self._random is not None:
            set_random_states(self._random)  # after the last batch, nothing else would
        self._random = None
        feed = self._feed = SeededFeed(made.epoch(self.epoch, start), self._seed, self.epoch, start)
        for batch in feed:
            yield batch
            self.iteration += 1
            self._boundary()

    def _exact(self, data: Any, batch_size: int | None, shuffle: bool | None) -> Batches:
        if self._made is not None and self._made.source is data:
            return self._made
        made = batches(data, batch_size=batch_size, shuffle=shuffle, seed=self._seed)
        made = exact(made, self._seed)
        if isinstance(made, Exact):
            self._made = made
            made.quiet = self._keeper.wait  # no process is forked while a thread is at work
            if self._data is not None:
                made.go_on_from(self._data)
                self._tell(made.forgotten, made.other)
                self._data = None
        return made

    def _tell(self, forgotten: list[str], other: list[str]) -> None:
        """Say what of the objects or the data could not go on as it was."""
        if forgotten:
            named = ", ".join(forgotten)
            self._keeper.say(f"begins anew, as its place cannot be saved: {named}")
        for text in other:
            self._keeper.say(text)

    def _boundary(self, *, epoch_ended: bool = False) -> None:
        epoch = self.epoch
        now = self._due.now(
            iteration=self.iteration, update=self.iteration, epoch=epoch, epoch_ended=epoch_ended
        )
        if self._interrupt.requested:
            self._save(wait=True)
            raise SystemExit(RESUME_ME)
        best = self._newly_best and self._keep_best and self._due.early
        waits = self._due.asked if best else self._due.counted is not None
        if (now or best) and (waits or not self._keeper.busy):
            self._save()
        self._newly_best = False  # what comes next is not the state that it was found with

    def _save(self, *, wait: bool = False) -> None:
        problem = self._keeper.save(self._body(), self._parts, due=self._due, wait=wait)
        if problem is not None:
            raise OSError(problem)

    def _body(self) -> dict[str, Any]:
        body = {"hand": True, "made of": fingerprint(self._objects)}
        best = self._best.value
        if not (self._newly_best and self._keep_best and best is not None):
            return body
        mark = {
            "monitor": "value", "value": best if math.isfinite(best) else str(best),
            "epoch": self.epoch, "iteration": self.iteration, "update": self.iteration,
            "returns": 0,
        }  # fmt: skip
        return body | {"best": mark}

    def _parts(self) -> dict[str, Any]:
        between = self._feed is None
        place = [self.finished, self.iteration, 0 if self._feed is None else self._feed.count]
        return {
            "objects": states(self._objects),
            "gradients": self._gradients(),
            "values": self._values,
            "best": {name: getattr(self._best, name) for name in ("value", "mode", "weights")},
            "loop": {"seed": self._seed, "place": place},
            "data": None if self._made is None else self._made.state(between=between),
            "random": random_states(),
        }

    def _gradients(self) -> dict[str, Any]:
        # A loop may add up the gradients of several batches before it steps.
        return {
            label: {n: p.grad for n, p in _leaves(one).items() if p.grad is not None}
            for label, one in self._objects.items()
            if isinstance(one, (nn.Module, Tensor))
        }

    def _load_gradients(self, given: dict[str, Any]) -> None:
        for label, gradients in given.items():
            for name, parameter in _leaves(self._objects.get(label)).items():
                held = gradients.get(name)
                parameter.grad = None if held is None else held.to(parameter.device)


def _leaves(one: Any) -> dict[str, Tensor]:
    if isinstance(one, nn.Module):
        return dict(one.named_parameters())
    return {"": one} if isinstance(one, Tensor) else {}
