"""One rehearsal: build the training, put back what is to be put back, train, write down the state.

It runs in a process of its own; what it is told and what it answers are plain values and files.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn

from fivestep.checkpoint import Checkpoint
from fivestep.checkpoints.codec import Tensors, encode
from fivestep.checkpoints.fragments import copied, from_bytes, to_bytes
from fivestep.checkpoints.objects import states
from fivestep.checkpoints.walk import walk
from fivestep.closure import demands_closure
from fivestep.fit import fit
from fivestep.proofs.rehearsal.clocks import Clock, Clocks
from fivestep.proofs.rehearsal.leaves import Leaf, digest_of, is_users, value_of
from fivestep.proofs.rehearsal.places import Places, Point
from fivestep.proofs.rehearsal.putting import held, put
from fivestep.proofs.rehearsal.short import BATCHES, shortened
from fivestep.proofs.rehearsal.walk import Walk

WINDOW = 2
LARGEST_BYTES = 2**28  # of all states together that are kept to say by how much they differ
Make = Callable[[], dict[str, Any]]


@dataclass
class Job:
    """What to rehearse.

    Attributes:
        folder: for all rehearsals of one training.
        name: of this one; its files are called by it.
        seed: of ``fit``.
        after: the name of the rehearsal that was saved, None for that one itself.
        place: which of its saves to go on from; 0 is the one before the first iteration.
        clock: what the user's code is told the time is.
        put: the paths of the values that are put back besides.
    """

    folder: str
    name: str
    seed: int = 0
    after: str | None = None
    place: int = 0
    clock: Clock = "true"
    put: list[str] = field(default_factory=list[str])


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        error: why it did not come to its end; empty if it did.
        points: the points between iterations, in order, each with its state: name to digest.
        places: the points that were saved at; 0 is the start.
        walks: what was found outside of what is saved, at each of the places.
        asked: where the user's code asked for the time.
        workers: of the loader.
        silent: the buffers that ``state_dict`` leaves out, by their titles.
    """

    error: str = ""
    points: list[tuple[Point, dict[str, str]]] = field(default_factory=list[Any])
    places: list[Point] = field(default_factory=list[Point])
    walks: list[dict[str, Leaf]] = field(default_factory=list[Any])
    asked: list[str] = field(default_factory=list[str])
    workers: int = 0
    silent: list[str] = field(default_factory=list[str])

    def to_json(self) -> str:
        """Write it."""
        return json.dumps(asdict(self) | {
            "walks": [{key: tuple(leaf) for key, leaf in walk.items()} for walk in self.walks],
        })  # fmt: skip

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        """Read it."""
        held = json.loads(text)
        held["points"] = [(Point(*point), state) for point, state in held["points"]]
        held["places"] = [Point(*point) for point in held["places"]]
        held["walks"] = [{k: Leaf(*leaf) for k, leaf in walk.items()} for walk in held["walks"]]
        return cls(**held)


def perform(job: Job, make: Make) -> Outcome:
    """Rehearse; whatever the user's code raises stands in the outcome."""
    outcome = Outcome()
    with Clocks(job.clock) as clocks:
        try:
            given = make()
            clocks.into_modules()
            _Rehearsal(job, outcome).run(given)
        except (Exception, SystemExit) as error:
            outcome.error = _told(error)
    outcome.asked = list(clocks.asked)
    (Path(job.folder) / f"{job.name}.json").write_text(outcome.to_json(), encoding="utf-8")
    return outcome


def _told(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    users = [one for one in frames if is_users(one.filename)]
    where = f" ({Path(users[-1].filename).name}:{users[-1].lineno})" if users else ""
    return f"{type(error).__name__}: {error}{where}"


class _Rehearsal:
    def __init__(self, job: Job, outcome: Outcome) -> None:
        self.job, self.outcome = job, outcome
        self.folder = Path(job.folder)
        self._spent = 0

    def run(self, given: dict[str, Any]) -> None:
        self.given = given
        self._put(self._walk(0), 0, [key for key in self.job.put if key.startswith("data")])
        data, size = shortened(given["data"], given.get("batch_size"), self.job.seed)
        self.data = data
        self.outcome.workers = int(getattr(data, "num_workers", 0) or 0)
        window = 1 if demands_closure(given["optimizer"]) else WINDOW
        places = Places(
            passed=self._pass, saved=self._save, resumed=self._resumed,
            saves=self.job.after is None,
        )  # fmt: skip
        checkpoint = Checkpoint(self._prepared(), keep=9, failure="stop")
        checkpoint.every = places
        run = fit(
            given["model"], given["loss_fn"], given["optimizer"], data, batch_size=size,
            items=given.get("items"), forward=given.get("forward"),
            length=f"{2 * min(_count(data, size), BATCHES)} iterations", accumulate=window,
            seed=self.job.seed, keep_best=False, progress=False, watch=False,
            checkpoint=checkpoint,
        )  # fmt: skip
        self.outcome.silent = _silent(given["model"])
        if run.reason != "finished":
            raise RuntimeError(f"the training ended with {run.reason}: {run.message}")

    def _prepared(self) -> Path:
        """Make the folder of the saves, with the one to go on from alone in it."""
        saves = self.folder / self.job.name
        saves.mkdir()
        if self.job.after is not None:
            files = sorted((self.folder / self.job.after).iterdir())
            manifests = [one for one in files if one.name.startswith("checkpoint-")]
            others = [one for one in files if one.name.startswith("fragment-")]
            for one in (manifests[self.job.place], *others):
                os.link(one, saves / one.name)
        return saves

    def _roots(self) -> dict[str, Any]:
        return {
            name: self.given[name]
            for name in ("model", "loss_fn", "optimizer", "data", "items", "forward")
            if self.given.get(name) is not None
        }

    def _walk(self, place: int) -> Walk:
        walk = Walk(self._roots())
        seeded = {id(one) for one in self._seeded()}
        leaves = {
            key: leaf for key, leaf in walk.leaves.items()
            if not (leaf.shown.startswith("the state of a ") and _stands_for(walk, leaf) in seeded)
        }  # fmt: skip
        self.outcome.walks.append(leaves)
        if self.job.after is None:
            self._file("walk", place).write_bytes(to_bytes(walk.tensors))
            if not place:
                self.outcome.places.append(Point(0, 0, 1, ended=False))
        return walk

    def _seeded(self) -> list[Any]:
        """The generators that ``fit`` seeds for every batch: where they stand does not matter."""
        data = self.given["data"]
        return [] if isinstance(data, (list, tuple)) else list(walk(data=data).generators.values())

    def _resumed(self) -> None:
        """Put back what else was asked for, and look at what is different before that."""
        walk = self._walk(self.job.place)
        self._put(walk, self.job.place, self.job.put)

    def _put(self, walk: Walk, place: int, keys: list[str]) -> None:
        if not keys or self.job.after is None:
            return
        text = (self.folder / f"{self.job.after}.json").read_text(encoding="utf-8")
        saved = Outcome.from_json(text).walks[place]
        tensors = from_bytes((self.folder / f"{self.job.after}.walk.{place}").read_bytes())
        for key in keys:
            if key in saved and saved[key].value is not None:
                put(walk, saved[key], value_of(saved[key], tensors))

    def _save(self, point: Point) -> None:
        self.outcome.places.append(point)
        self._walk(len(self.outcome.places) - 1)

    def _pass(self, point: Point) -> None:
        tensors, plain = _state(self.given)
        digests = {name: digest_of(one) for name, one in tensors.items()}
        self.outcome.points.append((point, digests | plain))
        size = sum(one.nbytes for one in tensors.values())
        self._spent += size
        if self._spent <= LARGEST_BYTES:
            kept = {name: copied(one) for name, one in tensors.items()}
            self._file("state", point.key).write_bytes(to_bytes(kept))

    def _file(self, kind: str, name: Any) -> Path:
        return self.folder / f"{self.job.name}.{kind}.{name}"


def _silent(model: Any) -> list[str]:
    modules = model.named_modules() if isinstance(model, nn.Module) else ()
    return [
        f"model.{path}.{name}" if path else f"model.{name}"
        for path, module in modules
        for name in sorted(module._non_persistent_buffers_set)  # pyright: ignore[reportPrivateUsage]
    ]


def _stands_for(walk: Walk, leaf: Leaf) -> int:
    return id(held(walk.owners[leaf.owner], leaf))


def _count(data: Any, size: int | None) -> int:
    try:
        count = len(data[0]) if isinstance(data, tuple) and size else len(data)
    except TypeError:
        return BATCHES
    return max(1, -(-count // size) if isinstance(data, tuple) and size else count)


def _state(given: dict[str, Any]) -> tuple[Tensors, dict[str, str]]:
    """All that is trained, by names for people: tensors, and plain values as text."""
    found = {name: given[name] for name in ("model", "loss_fn", "optimizer")}
    found = {n: o for n, o in found.items() if n == "optimizer" or isinstance(o, nn.Module)}
    tensors: Tensors = {}
    # What a checkpoint keeps besides may be a log that nobody reads: it alone is no difference.
    beside = {name: _without_own(one) for name, one in states(found).items()}
    written = encode(beside, "", tensors)
    plain = dict(_flat(written, ""))
    own = {id(one) for one in tensors.values()}
    for number, group in enumerate(given["optimizer"].param_groups):
        for place, one in enumerate(group["params"]):
            if not isinstance(given["model"], nn.Module) and id(one) not in own:
                tensors[f"group {number}, parameter {place}"] = one.detach()
    return {_named(name): one for name, one in tensors.items()}, plain


def _without_own(state: Any) -> Any:
    return {key: value for key, value in state.items() if key != "own"}


def _named(path: str) -> str:
    for start in ("/model/state/", "/model/silent/"):
        path = path.removeprefix(start)
    return path.lstrip("/").replace("optimizer/optimizers//state/model.", "optimizer's state of ")


def _flat(value: Any, path: str) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        held = cast("dict[str, Any]", value)
        if "$tensor" in held:
            return []
        return [leaf for key, one in held.items() for leaf in _flat(one, f"{path}/{key}")]
    if isinstance(value, list):
        parts = enumerate(cast("list[Any]", value))
        return [leaf for key, one in parts for leaf in _flat(one, f"{path}/{key}")]
    return [(_named(path), repr(value))]


def tensors_at(folder: str, name: str, point: Point) -> dict[str, Tensor]:
    """Read the state of a rehearsal at a point, if it was kept."""
    path = Path(folder) / f"{name}.state.{point.key}"
    return from_bytes(path.read_bytes()) if path.exists() else {}
