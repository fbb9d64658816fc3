"""What data and models hold of their own, wherever they hold it: stopped, it goes on to the bit."""

from __future__ import annotations

import enum
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    Subset,
    TensorDataset,
    default_collate,
)

from checkpoints.conftest import Unsynced
from checkpoints.resumed import Made, equal, stopped, trained
from checkpoints.test_loaders import make
from fivestep import Checkpoint
from fivestep.batches import Batches, batches
from fivestep.checkpoints import walk as walking
from fivestep.checkpoints.disk import use
from fivestep.checkpoints.exact import Exact
from fivestep.checkpoints.own import Attributes, Own
from fivestep.checkpoints.walk import walk

SAMPLES = 20
INPUTS = torch.randn(SAMPLES, 2, generator=torch.Generator().manual_seed(1))
TARGETS = torch.randn(SAMPLES, 1, generator=torch.Generator().manual_seed(2))
GLOBAL = np.random.default_rng(0)
LATE: list[Any] = []


class Changed(Dataset[Any]):
    """Samples as a function makes them."""

    def __init__(self, change: Callable[[Any], Any]) -> None:
        self.change = change

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> Any:
        return self.change(INPUTS[index]), TARGETS[index]


class Lazy(Changed):
    own: Any = None

    def __init__(self, make: Callable[[], Any] = lambda: np.random.default_rng(0)) -> None:
        self.make = make

    def __getitem__(self, index: int) -> Any:
        if self.own is None:
            self.own = self.make()
        return INPUTS[index] + float(self.own.normal(0, 1)), TARGETS[index]


class LazyForSome(Changed):
    """Makes one generator at its first sample and another at a later one."""

    def __init__(self) -> None:
        self.held: dict[str, random.Random] = {}

    def __getitem__(self, index: int) -> Any:
        key = "high" if index > 12 else "low"
        own = self.held.setdefault(key, random.Random(3))
        return INPUTS[index] + own.gauss(0, 1), TARGETS[index]


class Noise(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, x: Any) -> Any:
        return x + torch.randn(2, generator=self.generator)


class Slotted:
    __slots__ = ("__own",)

    def __init__(self) -> None:
        self.__own = np.random.RandomState(4)

    def __call__(self, x: Any) -> Any:
        return x + float(self.__own.normal())


class Several:
    def __init__(self, *steps: Any) -> None:
        self.steps = list(steps)

    def __call__(self, x: Any) -> Any:
        for step in self.steps:
            x = step(x)
        return x


class Bound:
    def __init__(self) -> None:
        self.own = random.Random(1)

    def change(self, x: Any) -> Any:
        return x + self.own.gauss(0, 1)


class OfItsClass:
    own = np.random.default_rng(2)

    @classmethod
    def change(cls, x: Any) -> Any:
        return x + float(cls.own.normal())


def plus(x: Any, *, own: Any) -> Any:
    return x + float(own.normal(0, 1))


def by_global(x: Any) -> Any:
    return x + float(GLOBAL.normal())


def through_another(x: Any) -> Any:
    return next(by_global(one) for one in (x,))


def late_global(x: Any) -> Any:
    if not LATE:
        LATE.append(random.Random(0))
    return x + LATE[0].gauss(0, 1)


def closing() -> Callable[[Any], Any]:
    own = np.random.default_rng(0)
    return lambda x: x + float(own.normal())


def late_closing() -> Callable[[Any], Any]:
    own = None

    def change(x: Any) -> Any:
        nonlocal own
        own = own or random.Random(5)
        return x + own.gauss(0, 1)

    return change


def by_default(x: Any, own: Any = random.Random(6)) -> Any:  # noqa: B008
    return x + own.gauss(0, 1)


def first_changes(held: Any, x: Any) -> Any:
    return held[0].change(x)


def among_many() -> Callable[[Any], Any]:
    holders = [Bound() for _ in range(1500)]
    return lambda x: holders[-1].change(x)


def deep() -> Any:
    inner = Changed(Several(Several(Several(Several(Slotted())))))
    halves = [Subset(inner, range(10)), Subset(inner, range(10, SAMPLES))]
    return ConcatDataset([ConcatDataset(halves)])


def forget() -> None:
    """Make the globals what they are in a new process."""
    LATE.clear()
    GLOBAL.bit_generator.state = np.random.default_rng(0).bit_generator.state
    OfItsClass.own = np.random.default_rng(2)
    by_default.__defaults__ = (random.Random(6),)


HELD: dict[str, Callable[[], Any]] = {
    "made lazily, NumPy": Lazy,
    "made lazily, of no known seed": lambda: Lazy(np.random.default_rng),
    "made lazily, Python": lambda: Changed(late_closing()),
    "made lazily, one by one": LazyForSome,
    "made lazily, a global": lambda: Changed(late_global),
    "a module": lambda: Changed(Noise()),
    "modules in a module": lambda: Changed(nn.Sequential(nn.Identity(), nn.Sequential(Noise()))),
    "slots": lambda: Changed(Slotted()),
    "partial by name": lambda: Changed(partial(plus, own=np.random.default_rng(0))),
    "partial of a partial": lambda: Changed(partial(partial(plus), own=np.random.RandomState(1))),
    "closed over": lambda: Changed(closing()),
    "bound method": lambda: Changed(Bound().change),
    "class": lambda: Changed(OfItsClass.change),
    "default": lambda: Changed(by_default),
    "global": lambda: Changed(by_global),
    "global of another function": lambda: Changed(through_another),
    "one of many": lambda: Changed(among_many()),
    "deep": deep,
    "deque": lambda: Changed(partial(first_changes, deque([Bound()]))),
}


def loader(data: Any, **options: Any) -> Callable[[], Any]:
    return lambda: DataLoader(data(), batch_size=4, **options)


def goes_on(data: Callable[[], Any], folder: Path, stops: tuple[int, ...], **more: Any) -> None:
    def made() -> Made:
        forget()
        return make(data, **more)

    whole = trained(made, folder / "whole")
    for at in stops:
        assert stopped(made, folder / f"at {at}", at)
        equal(trained(made, folder / f"at {at}"), whole)


@pytest.mark.parametrize("name", HELD)
def test_a_generator_is_found_wherever_it_is_held(name: str, tmp_path: Path) -> None:
    goes_on(loader(HELD[name], shuffle=True), tmp_path, (2, 7))


@pytest.mark.parametrize("name", ["made lazily, NumPy", "deep"])
def test_and_in_a_worker(name: str, tmp_path: Path) -> None:
    goes_on(loader(HELD[name], shuffle=True, num_workers=1), tmp_path, (7,))


class Collating:
    def __init__(self, own: Any) -> None:
        self.own = own

    def __call__(self, samples: Any) -> Any:
        inputs, targets = default_collate(samples)
        return inputs + float(self.own().normal(0, 1)), targets


class Once:
    def __init__(self) -> None:
        self.made: Any = None

    def __call__(self) -> Any:
        self.made = self.made or np.random.RandomState(3)
        return self.made


def collates(own: Callable[[], Any], **options: Any) -> Callable[[], Any]:
    plain = TensorDataset(INPUTS, TARGETS)
    return lambda: DataLoader(plain, batch_size=4, collate_fn=Collating(own()), **options)


def closed_over() -> Callable[[], Any]:
    own = np.random.default_rng(9)
    return lambda: own


@pytest.mark.parametrize("own", [closed_over, Once])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_collate_fn_of_its_own_generator(
    own: Callable[[], Any], workers: int, tmp_path: Path
) -> None:
    goes_on(collates(own, num_workers=workers), tmp_path, (2, 7))


class Counting(Sampler[int]):
    def __init__(self) -> None:
        self.epoch = 0

    def __len__(self) -> int:
        return SAMPLES

    def __iter__(self) -> Iterator[int]:
        self.epoch += 1
        return iter(np.random.default_rng(self.epoch).permutation(SAMPLES).tolist())


class CountingInADict(Counting):
    """Counts after the last sample, in a dict in a slot of another object."""

    class Held:
        __slots__ = ("counts",)

    def __init__(self) -> None:
        self.held = self.Held()
        self.held.counts = {"passes": 0}

    def __iter__(self) -> Iterator[int]:
        order = np.random.default_rng(self.held.counts["passes"]).permutation(SAMPLES)
        yield from order.tolist()
        self.held.counts["passes"] += 1


class CountingBatches:
    def __init__(self) -> None:
        self.epoch = 0

    def __len__(self) -> int:
        return 5

    def __iter__(self) -> Iterator[Any]:
        self.epoch += 1
        order = np.random.default_rng(self.epoch).permutation(SAMPLES).tolist()
        for first in range(0, SAMPLES, 4):
            yield order[first : first + 4]


class OwnBatches(CountingBatches):
    def __iter__(self) -> Iterator[Any]:
        for picks in super().__iter__():
            yield INPUTS[picks], TARGETS[picks]


class Told(Counting):
    def set_epoch(self, number: int) -> None:
        self.epoch = 10 * number


class CountingSamples(Changed):
    """Noise that falls with every sample."""

    def __init__(self) -> None:
        self.seen = 0

    def __getitem__(self, index: int) -> Any:
        self.seen += 1
        return INPUTS[index] / self.seen, TARGETS[index]


class ToldSamples(Changed):
    """Keeps what it is told where nobody sees it."""

    def __init__(self) -> None:
        self.set_epoch(0)

    def set_epoch(self, number: int) -> None:
        self.change = partial(torch.add, other=number)


class CountingStream(IterableDataset[Any]):
    def __init__(self) -> None:
        self.passes = np.zeros(1, dtype=np.int64)
        self.own = np.random.default_rng(0)

    def __iter__(self) -> Iterator[Any]:
        self.passes += 1
        order = self.own.permutation(SAMPLES)  # drawn at once: this is no generator function
        scale = float(self.passes[0])
        return ((INPUTS[int(i)] * scale, TARGETS[int(i)]) for i in order)


class LazyStream(IterableDataset[Any]):
    own: Any = None

    def __iter__(self) -> Iterator[Any]:
        if self.own is None:
            self.own = random.Random()
        for i in range(SAMPLES):
            yield INPUTS[i] + self.own.gauss(0, 1), TARGETS[i]


def plain() -> Any:
    return TensorDataset(INPUTS, TARGETS)


def replacing() -> Any:
    own = torch.Generator().manual_seed(3)
    return RandomSampler(range(SAMPLES), replacement=True, num_samples=60, generator=own)


ORDERS: dict[str, Callable[[], Any]] = {
    "sampler": lambda: DataLoader(plain(), batch_size=4, sampler=Counting()),
    "sampler, in a slot": lambda: DataLoader(plain(), batch_size=4, sampler=CountingInADict()),
    "sampler that is told": lambda: DataLoader(plain(), batch_size=4, sampler=Told()),
    "batch sampler": lambda: DataLoader(plain(), batch_sampler=CountingBatches()),  # pyright: ignore
    "own batches": OwnBatches,
    "samples": lambda: DataLoader(CountingSamples(), batch_size=4, shuffle=True),
    "told samples": lambda: DataLoader(ToldSamples(), batch_size=4, shuffle=True),
    "stream": lambda: DataLoader(CountingStream(), batch_size=4),
    "lazy stream": lambda: DataLoader(LazyStream(), batch_size=4),
    "in batches": lambda: DataLoader(plain(), batch_sampler=BatchSampler(replacing(), 4, False)),
    "with replacement": lambda: DataLoader(plain(), batch_size=4, sampler=replacing()),
}


@pytest.mark.parametrize("name", ORDERS)
def test_what_counts_epochs_goes_on_counting(name: str, tmp_path: Path) -> None:
    goes_on(ORDERS[name], tmp_path, (2, 7, 11), epochs=3)


ASIDE = ["sampler", "own batches", "samples", "stream", "told samples", "in batches"]


@pytest.mark.parametrize("name", ASIDE)
def test_passes_that_are_no_epochs_are_no_trace(name: str, tmp_path: Path) -> None:
    """A validation counts for itself; statistics computed anew, for nobody."""

    def made() -> Made:
        model, loss, optimizer, options = make(ORDERS[name], epochs=3)
        more = {"average": 0.5, "validate": ORDERS[name](), "validate_every": "3 updates"}
        model = nn.Sequential(nn.BatchNorm1d(2), *model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        return model, loss, optimizer, options | more

    whole = trained(made, tmp_path / "whole")
    for at in (2, 7, 11):
        assert stopped(made, tmp_path / f"at {at}", at)
        equal(trained(made, tmp_path / f"at {at}"), whole)


def test_one_generator_of_training_and_validation(tmp_path: Path) -> None:
    def made() -> Made:
        order = replacing()
        model, loss, optimizer, options = make(
            lambda: DataLoader(plain(), batch_size=4, sampler=order)
        )
        held_out = DataLoader(plain(), batch_size=4, shuffle=True, generator=order.generator)
        more = {"validate": held_out, "validate_every": "3 updates"}
        return model, loss, optimizer, options | more

    whole = trained(made, tmp_path / "whole")
    assert stopped(made, tmp_path / "at 7", 7)
    equal(trained(made, tmp_path / "at 7"), whole)


class RandomStream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        for _ in range(SAMPLES):
            yield torch.rand(2), torch.rand(1)


def persistent() -> Any:
    return DataLoader(RandomStream(), batch_size=4, num_workers=1, persistent_workers=True)


@pytest.mark.parametrize("validated", ["each epoch", "twice", "no"])
def test_a_random_stream_in_workers_that_stay(validated: str, tmp_path: Path) -> None:
    more: dict[str, Any] = {} if validated == "no" else {"validate": persistent()}
    if validated == "twice":
        more["validate_every"] = "3 updates"
    goes_on(persistent, tmp_path, (4, 7), **more)


def test_a_validation_sees_other_random_numbers_than_the_training() -> None:
    def first(*, validates: bool) -> Any:
        made = Exact(walk_free(), 0, validates=validates)
        made.begin()
        return next(iter(made.epoch(1)))[0]

    assert not torch.equal(first(validates=True), first(validates=False))


def walk_free() -> Any:
    return batches(DataLoader(RandomStream(), batch_size=4))


class Positioned:
    """Knows its place and its epoch."""

    def __init__(self) -> None:
        self.epoch = self.place = 0

    def __len__(self) -> int:
        return 5

    def __iter__(self) -> Iterator[Any]:
        self.epoch += self.place == 0
        order = np.random.default_rng(self.epoch).permutation(SAMPLES)
        while self.place < 5:
            picks = order[self.place * 4 : self.place * 4 + 4]
            self.place += 1
            yield INPUTS[picks], TARGETS[picks]
        self.place = 0

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "place": self.place}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.place = state["epoch"], state["place"]


@pytest.mark.parametrize("every", ["1 epoch", "1 update", "3 updates"])
def test_a_loader_of_its_own_position_saved_between_epochs(every: str, tmp_path: Path) -> None:
    def saves(folder: Path) -> Checkpoint:
        return Checkpoint(folder, every=every)

    goes_on(Positioned, tmp_path, (6, 8, 11), epochs=3, saves=saves)


def shuffled(own: bool = True) -> Any:
    generator = torch.Generator().manual_seed(0) if own else None
    return DataLoader(plain(), batch_size=4, shuffle=True, generator=generator)


@pytest.mark.parametrize("data", [shuffled, ORDERS["sampler"], OwnBatches])
def test_the_one_batch_is_the_same_after_it(data: Callable[[], Any], tmp_path: Path) -> None:
    goes_on(data, tmp_path, (3, 8), overfit_one_batch=True, epochs=3)


def test_batches_come_in_order() -> None:
    options: dict[str, Any] = {"num_workers": 1, "in_order": False}
    made = Exact(_batches(DataLoader(plain(), batch_size=4, **options)), 0)
    assert made._loader.in_order  # pyright: ignore[reportPrivateUsage]


def _batches(source: Any) -> Any:
    return Batches(source)


class Slow(Unsynced):
    """A disk that is still at work when the next thing happens."""

    def sync(self, file: int) -> None:
        time.sleep(0.05)


@pytest.mark.parametrize("where", ["train", "validate"])
def test_no_process_is_forked_while_a_thread_is_at_work(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Slow())  # the fixture puts the old one back
    seen: list[bool] = []
    start = BaseProcess.start

    def starting(process: Any) -> None:
        seen.append(any(thread.name == "fivestep-checkpoint" for thread in threading.enumerate()))
        start(process)

    monkeypatch.setattr(BaseProcess, "start", starting)
    options: dict[str, Any] = {where: DataLoader(plain(), batch_size=4, num_workers=1)}
    model, loss, optimizer, made = make(shuffled, epochs=2)
    trained(lambda: (model, loss, optimizer, made | options), tmp_path)
    assert len(seen) >= 2
    assert not any(seen)


class Endless(Sampler[int]):
    def __init__(self) -> None:
        self.ahead = cycle(range(7))

    def __len__(self) -> int:
        return SAMPLES

    def __iter__(self) -> Iterator[int]:
        return islice(self.ahead, SAMPLES)


def test_what_cannot_be_saved_is_said_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def made() -> Made:
        return make(lambda: DataLoader(plain(), batch_size=4, sampler=Endless()))

    assert stopped(made, tmp_path, 7)
    trained(made, tmp_path, progress=True)
    assert "begins anew, as its place cannot be saved: sampler.ahead, a cycle" in (
        capsys.readouterr().err
    )


class OwnDropout(nn.Module):
    def __init__(self, own: Any) -> None:
        super().__init__()
        self.own = own

    def forward(self, x: Any) -> Any:
        return x + float(self.own.normal(0, 1)) if self.training else x


class Warming(nn.Module):
    def __init__(self, rate: float = 0.1) -> None:
        super().__init__()
        self.seen, self.rate, self.recent = 0, rate, [0.0]

    def forward(self, x: Any) -> Any:
        if self.training:
            self.seen += 1
            self.recent = [*self.recent[-2:], self.seen * self.rate]
        return x * sum(self.recent)


class CountingSGD(torch.optim.SGD):
    calls = 0

    def step(self, closure: Any = None) -> Any:
        self.calls += 1
        for group in self.param_groups:
            group["lr"] = 0.05 / self.calls
        return super().step(closure)


def closes_over_one() -> nn.Module:
    own = random.Random(2)

    class Closing(nn.Module):
        def forward(self, x: Any) -> Any:
            return x + own.gauss(0, 1)

    return Closing()


MODELS: dict[str, Callable[[], nn.Module]] = {
    "generator, NumPy": lambda: OwnDropout(np.random.default_rng(0)),
    "generator, RandomState": lambda: OwnDropout(np.random.RandomState(0)),
    "generator, torch": Noise,
    "generator, closed over": closes_over_one,
    "counter": Warming,
}


@pytest.mark.parametrize("part", MODELS)
def test_a_model_with_more_than_its_state_dict(part: str, tmp_path: Path) -> None:
    def made() -> Made:
        model, loss, _, options = make(lambda: (INPUTS, TARGETS), batch_size=4)
        model = nn.Sequential(MODELS[part](), model)
        return model, loss, CountingSGD(model.parameters(), lr=0.1), options

    whole = trained(made, tmp_path / "whole")
    for at in (2, 7):
        assert stopped(made, tmp_path / f"at {at}", at)
        equal(trained(made, tmp_path / f"at {at}"), whole)


def test_a_setting_is_the_programs_to_say(tmp_path: Path) -> None:
    def made(rate: float) -> Made:
        model, loss, _, options = make(lambda: (INPUTS, TARGETS), batch_size=4)
        model = nn.Sequential(Warming(rate), model)
        return model, loss, torch.optim.SGD(model.parameters(), lr=0.1), options

    assert stopped(lambda: made(0.1), tmp_path, 3)
    model, loss, optimizer, options = made(0.2)
    trained(lambda: (model, loss, optimizer, options), tmp_path)
    warming: Any = model[0]
    assert (warming.rate, warming.seen) == (0.2, 10)


def test_the_walk_says_where_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MOST", 50)
    with pytest.warns(UserWarning, match="holds more than"):
        Exact(_batches(DataLoader(Changed(among_many()), batch_size=4)), 0)


def test_the_walk_meets_a_ring_once_and_reads_no_library() -> None:
    a, b = Bound(), Bound()
    a.other, b.other = b, a  # type: ignore[attr-defined]
    found = walk(a=[a, a, b])
    assert len(found.generators) == 2
    assert not walk(a=default_collate, b=np.random.default_rng).generators


def test_a_shared_container_stays_shared() -> None:
    counts = [0]
    one, two = Bound(), Bound()
    one.counts = two.counts = counts  # type: ignore[attr-defined]
    kept = Attributes(one=one, two=two)
    counts[0] = 3
    state = kept.changed()
    counts[0] = 5
    kept.put(state)
    assert counts == [3]
    kept.put({})
    assert counts == [0]
    assert one.counts is two.counts  # type: ignore[attr-defined]


def one_tensor(first: Any, second: Any, again: Callable[[], Any]) -> None:
    first.value = second.value = again()


def one_of_three(first: Any, second: Any, again: Callable[[], Any]) -> None:
    first.value = first.other = second.value = again()


@pytest.mark.parametrize("hold", [one_tensor, one_of_three])
@pytest.mark.parametrize("again", [lambda: torch.zeros(2), lambda: np.zeros(2), lambda: [0.0, 0.0]])
def test_what_was_one_is_one_and_what_was_two_is_two(hold: Any, again: Any) -> None:
    one, two = Bound(), Bound()
    hold(one, two, again)
    kept = Attributes(one=one, two=two)
    one.value[0] = 3.0  # type: ignore[attr-defined]
    together = kept.changed()
    kept.put({})
    one.value = again()  # type: ignore[attr-defined]
    one.value[1] = 4.0  # type: ignore[attr-defined]
    apart = kept.changed()
    for state, seen in ((together, ([3.0, 0.0], [3.0, 0.0])), (apart, ([0.0, 4.0], [0.0, 0.0]))):
        fresh = Bound(), Bound()
        hold(*fresh, again)
        Attributes(one=fresh[0], two=fresh[1]).put(state)
        assert tuple(list(map(float, each.value)) for each in fresh) == seen  # type: ignore[attr-defined]
        shared = fresh[0].value is fresh[1].value  # type: ignore[attr-defined]
        assert shared == (state is together)


class Phase(enum.Enum):
    WARM, COOL = 1, 2


class Level(enum.IntEnum):
    WARM, COOL = 1, 2


@pytest.mark.parametrize("members", [list(Phase), list(Level)])
@pytest.mark.parametrize("listed", [False, True])
def test_the_members_of_an_enum_are_nobodys(members: Any, listed: bool) -> None:
    one, two = Bound(), Bound()
    one.at = two.at = [members[0]] if listed else members[0]  # type: ignore[attr-defined]
    kept, other = Attributes(one=one), Attributes(one=two)
    one.at = [members[1]] if listed else members[1]  # type: ignore[attr-defined]
    other.put(kept.changed())
    assert [(member.name, member.value) for member in members] == [("WARM", 1), ("COOL", 2)]


def test_the_users_seed_still_decides_the_order() -> None:
    def first(seed: int) -> Any:
        own = torch.Generator().manual_seed(seed)
        made = Exact(batches(DataLoader(plain(), batch_size=20, shuffle=True, generator=own)), 0)
        made.begin()
        return next(iter(made.epoch(1)))[0]

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))


def test_generators_draw_different_numbers() -> None:
    pair = [random.Random(0), random.Random(0)]
    Own(pair=pair).seed(5)
    assert pair[0].random() != pair[1].random()
