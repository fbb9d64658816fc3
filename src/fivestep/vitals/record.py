"""The iterations of one run, and what holds for all of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from fivestep.vitals.events import Backward, Event, Update
from fivestep.vitals.facts import Site

SCHEMA = 1
POINTS = 4096  # kept of a series before every other one is dropped
RECENT = 256  # always kept, without gaps
SETTLED = 8  # values, before one of them can be far above the others
LEAP = 3.0  # times the highest before it. 34 sound programs: 1.5 at most (a critic), 1.0 the median

Kind = TypeVar("Kind", bound=Event)


@dataclass(slots=True)
class Vitals:
    """One iteration in numbers: its events in the order in which they happened."""

    iteration: int  # counts batches, from 1; an evaluation carries that of the training before it
    events: tuple[Event, ...]
    repeats: int = 1  # iterations that looked the same, this one included
    detailed: bool = False
    seconds: float | None = None

    def of(self, kind: type[Kind]) -> Iterator[Kind]:
        """The events of one kind."""
        return (event for event in self.events if isinstance(event, kind))

    @property
    def trains(self) -> bool:
        """Some weights got a gradient or a change."""
        return any(isinstance(event, (Backward, Update)) for event in self.events)


@dataclass(slots=True)
class ModelFacts:
    """A model that was called from outside any model."""

    number: int
    kind: str
    site: Site | None  # of its first call
    parameters: tuple[int, ...]
    modules: tuple[tuple[str, str], ...]  # (path, class), at most 2,000
    compiled: bool = False
    ignored_flags: tuple[str, ...] = ()  # paths of modules with an attribute requires_grad = False
    moody: tuple[str, ...] = ()  # kinds of its modules that act differently in train and eval mode
    forwards: int = 0


@dataclass(slots=True)
class ParameterFacts:
    """A parameter, or any leaf that an optimizer holds."""

    number: int
    name: str  # "fc1.weight"
    shape: tuple[int, ...]
    dtype: str
    device: str
    requires_grad: bool
    model: int | None
    owner: str  # the class of the module that owns it: "Linear"
    optimizers: tuple[int, ...]
    initial: tuple[float, float] | None  # lowest and highest value when first seen
    equal_rows: bool  # all rows were equal when first seen (two rows at least)
    finite: bool  # when first seen
    reached: int = 0  # detailed backwards that reached it
    updates: int = 0  # detailed updates of an optimizer that holds it
    graded: int = 0  # of these: with a gradient
    nonzero: int = 0  # of these: with a gradient other than 0
    moved: int = 0  # of these: it changed
    frozen_after: bool = False  # requires_grad was switched off later
    alike: int = 0  # detailed updates from the first on before which all its rows were equal
    columns: int = 0  # the same, of its columns (two at least), of one that began constant
    handled: int = 0  # updates by hand, as far as they were looked for; no optimizer holds it


@dataclass(slots=True)
class OptimizerFacts:
    """An optimizer that cleared or stepped."""

    number: int
    kind: str
    site: Site | None  # where it was made, if that was heard, else its first event
    parameters: tuple[int, ...]
    groups: tuple[dict[str, float], ...]  # lr, momentum, weight_decay, betas_0, eps, ...
    updates: int = 0
    clears: int = 0
    rates: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])
    """(update, rate of the first group), an entry where it changes, at most 4,096."""


@dataclass(slots=True)
class LoaderFacts:
    """A DataLoader that was iterated."""

    number: int
    site: Site | None  # of its first iteration
    dataset: str  # class
    dataset_identity: int  # equal for loaders over the same data set object
    length: int | None  # batches in an epoch
    samples: int | None
    batch_size: int | None
    sampler: str  # class
    shuffles: bool  # its sampler is meant to shuffle
    distributed: bool  # its sampler has set_epoch
    sampler_epochs: tuple[int, ...]  # the sampler's own epoch at each start, where it has one
    workers: int
    worker_init: bool
    drop_last: bool
    generators: tuple[
        str, ...
    ]  # attributes of the data set that draw random numbers in __getitem__
    seeded_alike: bool = False  # its worker_init_fn gives every worker the seed that it draws from
    names: tuple[str, ...] = ()  # of the variables that held it when it was first iterated
    epochs: int = 0
    batches: int = 0
    waited: float = 0.0  # seconds
    paced: int = 0  # batches, but the first of an epoch and the second of all; of these:
    paced_waited: float = 0.0  # seconds
    paced_worked: float = 0.0  # seconds of the loop between them, without what measuring took
    paced_waited_busy: float = 0.0  # the same two in seconds of the processor that this thread had:
    paced_worked_busy: float = 0.0  # they stay what they are on a machine with much else to do
    first_digests: list[int] = field(default_factory=list[int])  # first batch of each epoch
    labels: list[dict[str, int]] = field(default_factory=list[dict[str, int]])
    """Counts of the second tensor's whole values, for the first 64 batches."""


@dataclass(slots=True)
class SchedulerFacts:
    """A learning-rate schedule."""

    number: int
    kind: str
    optimizer: int | None
    site: Site | None  # where it was made, if that was heard
    length: int | None  # steps it is made for: T_max, total_steps, step_size, last milestone
    steps: int = 0  # by the user; the one in its __init__ is not counted
    early: int = 0  # steps before the first update of its optimizer
    inner: bool = False  # stepped by another schedule (SequentialLR)
    start: int | None = None  # its ``last_epoch`` when first seen
    moved: bool = False  # that has changed since, by ``step`` or by another way
    sites: tuple[Site, ...] = ()  # where it is stepped


@dataclass(slots=True)
class StateFacts:
    """A ``state_dict()`` that the program kept."""

    number: int
    model: int
    site: Site | None
    iteration: int
    shares: bool  # its tensors are the live weights (it was not copied)
    updates_alive: int = 0  # updates of the weights while it was alive and shared them
    loaded: int = 0  # times it was loaded back
    saved: int = 0  # times it was given to torch.save
    alive: bool = True  # when the run ended


@dataclass(slots=True)
class PassFacts:
    """An evaluation with a loss or a metric: a loader's epoch, or one forward without a loader."""

    model: int
    loader: int | None
    site: Site | None  # of the forward
    names: tuple[str, ...]  # of the variables that hold its inputs
    iteration: int
    complete: bool  # every row that the model is trained on was known by then
    floating: bool
    whole: bool  # the first rows hold whole numbers only
    trained: int  # different rows that the model was trained on before
    continuous: bool = (
        False  # a column has another value in (nearly) every row: none are alike by nature
    )
    picked: bool = (
        False  # argmax was taken of its answers, and neither a loss nor a metric was heard
    )
    rows: int = 0
    distinct: int = 0
    shared: int = 0  # rows that the model was trained on before
    covered: int = 0  # different rows of the training that it holds
    alike: float = 0.0  # share of the different training rows that are of their classes; 0: unknown
    balance: float = 0.0  # of the training: rows of its rarest class to its commonest; 0: unknown
    uneven: float = 0.0  # copies of a row in its rarest class above the commonest's: see classes.py
    again: float = 0.0  # share of the rows of the commonest that came oftener than others of it
    alone: bool = False  # the model was given this one tensor and no other
    settled: bool = True  # the last rows of the training had come before: none is made anew


@dataclass(slots=True)
class Series:
    """One number over the run."""

    name: str  # the loss function, "backward" for the loss of a backward
    site: Site | None
    kind: str  # "training" (a backward's loss) or "evaluation" (a loss under no_grad or eval)
    count: int = 0
    stride: int = 1
    points: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])
    recent: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])
    first_bad: int | None = None  # iteration of the first NaN or inf
    bad: int = 0
    peak: float = 0.0  # highest absolute value that was finite

    def add(self, iteration: int, value: float) -> None:
        """Append a value; thin out when there are too many."""
        point = (iteration, value)
        if self.count % self.stride == 0:
            self.points.append(point)
            if len(self.points) > POINTS:
                self.points, self.stride = self.points[::2], self.stride * 2
        self.count += 1
        self.recent.append(point)
        if len(self.recent) > 2 * RECENT:
            del self.recent[:RECENT]
        if value - value != 0:  # NaN or inf
            self.bad += 1
            self.first_bad = iteration if self.first_bad is None else self.first_bad
        elif abs(value) > self.peak:
            self.peak = abs(value)

    def leaps(self, value: float) -> bool:
        """Tell whether a value, the next perhaps, is far above all before it."""
        return abs(value) > self.usual()

    def usual(self) -> float:
        """The highest absolute value that is no leap; any finite one until there are some."""
        settled = self.count >= SETTLED and self.peak > 0
        return LEAP * self.peak if settled else sys.float_info.max

    @property
    def values(self) -> list[float]:
        """The kept values, without their iterations."""
        return [value for _, value in self.points]


@dataclass(slots=True)
class Record:
    """A run as it was overheard."""

    iterations: list[Vitals] = field(default_factory=list[Vitals])
    models: list[ModelFacts] = field(default_factory=list[ModelFacts])
    parameters: list[ParameterFacts] = field(default_factory=list[ParameterFacts])
    optimizers: list[OptimizerFacts] = field(default_factory=list[OptimizerFacts])
    loaders: list[LoaderFacts] = field(default_factory=list[LoaderFacts])
    schedulers: list[SchedulerFacts] = field(default_factory=list[SchedulerFacts])
    states: list[StateFacts] = field(default_factory=list[StateFacts])
    series: list[Series] = field(default_factory=list[Series])
    counts: dict[str, int] = field(default_factory=dict[str, int])  # events by kind, all of them
    length: int = 0  # iterations, all of them
    unkept: int = 0  # iterations whose sequence of events was new but no longer kept
    passes: list[PassFacts] = field(default_factory=list[PassFacts])
    shared_rows: int = 0  # samples seen in training and in evaluation
    training_rows: int = 0  # different samples whose digest was taken in training
    evaluation_rows: int = 0
    seconds: float = 0.0
    torch: str = ""
    device: str = ""
    rank: int = 0
    problems: list[str] = field(default_factory=list[str])  # of the watcher itself
    ended: str = ""  # the exception that ended the program
    ended_site: Site | None = None

    def events(self, kind: type[Kind]) -> Iterator[tuple[Vitals, Kind]]:
        """Every kept event of one kind with the iteration that it belongs to."""
        for vitals in self.iterations:
            for event in vitals.events:
                if isinstance(event, kind):
                    yield vitals, event

    def detailed(self) -> Iterator[Vitals]:
        """The iterations that were measured in detail."""
        return (vitals for vitals in self.iterations if vitals.detailed)

    def count(self, kind: type[Event]) -> int:
        """How many events of one kind there were, the kept and the others."""
        return self.counts.get(kind.__name__.lower(), 0)

    def training(self) -> Series | None:
        """The training loss: the longest series of a backward."""
        return _longest(series for series in self.series if series.kind == "training")

    def evaluation(self) -> Series | None:
        """The validation loss: the longest series of a loss taken without a backward."""
        return _longest(series for series in self.series if series.kind == "evaluation")

    def names(self, numbers: Iterable[int], limit: int = 4) -> str:
        """Names of parameters for a message: ``fc1.weight, fc1.bias and 4 more``."""
        names = [self.parameters[number].name for number in numbers]
        shown = ", ".join(names[:limit])
        return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")

    def save(self, path: str | Path) -> Path:
        """Write as JSON lines: the first for the run, then one for each kept iteration."""
        from fivestep.vitals.codec import save

        return save(self, Path(path))

    @staticmethod
    def load(path: str | Path) -> Record:
        """Read what ``save`` wrote; a directory means its ``vitals.jsonl``."""
        from fivestep.vitals.codec import load

        return load(Path(path))


def _longest(series: Iterable[Series]) -> Series | None:
    return max(series, key=lambda one: one.count, default=None)
