"""What data and models hold of their own: what is put back whole or not at all, at what cost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset

from fivestep import fit
from fivestep.batches import batches
from fivestep.checkpoints import walk as walking
from fivestep.checkpoints.exact import Exact
from fivestep.checkpoints.own import Attributes, Own
from fivestep.checkpoints.plain import is_plain, put_in

X = torch.linspace(-1, 1, 32).reshape(16, 2)


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 2)


class Rotary(Base):
    """Says by a number how long its table is, which is too large to be saved."""

    def __init__(self) -> None:
        super().__init__()
        self.length, self.table = 0, None

    def forward(self, x: Any) -> Any:
        if not self.length:
            self.length, self.table = 512, torch.ones(512, 8)
        assert self.table is not None
        return self.inner(x) * self.table[0, 0]


class Logging(Base):
    def __init__(self) -> None:
        super().__init__()
        self.log: list[float] = []

    def forward(self, x: Any) -> Any:
        self.log += [0.0] * 600
        return self.inner(x)


class Opened(Dataset[Any]):
    def __init__(self) -> None:
        self.opened, self.file = False, None

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> Any:
        if not self.opened:
            self.opened, self.file = True, iter(())  # type: ignore[assignment]
        assert self.file is not None
        return X[index], X[index]


class Rising(Dataset[Any]):
    def __init__(self, hard: int = 0) -> None:
        self.hard = hard

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> Any:
        self.hard += index == 15
        return X[index], X[index]


def go(folder: Path, epochs: int, model: Any = None, data: Any = None) -> None:
    torch.manual_seed(0)
    model = nn.Linear(2, 2) if model is None else model
    train = (X, X) if data is None else DataLoader(data, batch_size=4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    options: dict[str, Any] = {} if data is not None else {"batch_size": 4}
    fit(model, nn.MSELoss(), optimizer, train, epochs=epochs, checkpoint=folder, watch=False,
        progress=True, **options)  # fmt: skip


def test_a_flag_is_not_put_back_without_what_it_stands_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    go(tmp_path / "model", 1, Rotary())
    go(tmp_path / "model", 2, Rotary())
    assert "own.length, which own.table goes with" in capsys.readouterr().err
    go(tmp_path / "data", 1, data=Opened())
    go(tmp_path / "data", 2, data=Opened())
    assert "dataset.opened, which dataset.file goes with" in capsys.readouterr().err


def test_a_list_that_grew_too_long_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    go(tmp_path, 1, Logging())
    go(tmp_path, 2, Logging())
    assert "own.log, a list of 2400" in capsys.readouterr().err


def test_what_the_user_sets_between_two_trainings_stays(tmp_path: Path) -> None:
    model = Warm()
    go(tmp_path, 1, model)
    model.noise = 0.5
    go(tmp_path, 2, model)
    assert (model.noise, model.calls) == (0.5, 8)
    other = Warm()
    go(tmp_path, 3, other)
    assert other.calls == 12  # counted on through both


class Warm(Base):
    def __init__(self) -> None:
        super().__init__()
        self.noise, self.calls, self.warm = 0.1, 0, False

    def forward(self, x: Any) -> Any:
        self.calls, self.warm = self.calls + 1, True
        return self.inner(x)


def test_what_was_put_back_once_stays_saved(tmp_path: Path) -> None:
    model = Warm()
    go(tmp_path, 1, model)
    go(tmp_path, 2, model)  # it is True before this training begins, and stays so
    other = Warm()
    go(tmp_path, 2, other)
    assert other.warm


def test_a_setting_that_is_overruled_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    go(tmp_path, 1, data=Rising())
    go(tmp_path, 2, data=Rising())
    assert "is used" not in capsys.readouterr().err
    go(tmp_path, 3, data=Rising(10))
    said = "dataset.hard was 2 when it was saved and is 10 here; the saved one is used"
    assert said in capsys.readouterr().err


def records(count: int) -> list[dict[str, Any]]:
    return [{"x": [float(place)], "y": {"z": [1.0]}} for place in range(count)]


def looks(own: Own) -> int:
    return len(own.found()._looks)  # pyright: ignore[reportPrivateUsage]


def test_many_records_are_looked_into_for_the_first_of_them(
    recwarn: pytest.WarningsRecorder,
) -> None:
    data = records(50_000)
    data[999]["own"], data[1000]["own"] = random.Random(0), random.Random(1)
    made = Exact(batches(DataLoader(data, batch_size=4, shuffle=True)), 0)  # pyright: ignore
    samples, _ = made._samples  # pyright: ignore[reportPrivateUsage]
    assert list(samples.generators()) == ["dataset.999.own"]
    assert looks(samples) <= 48 + 3
    assert not recwarn.list


def test_a_generator_in_a_growing_cache_is_found_without_walking_anew() -> None:
    cache: dict[int, Any] = {}
    own = Own(data=cache)
    own.generators()
    found = own._found  # pyright: ignore[reportPrivateUsage]
    for place in range(900):
        cache[place] = {"id": [place]}
        own.generators()
    cache[900] = {"own": random.Random(0)}
    assert list(own.generators()) == ["data.[900].own"]
    assert looks(own) <= 48 + 3
    assert found is not None
    cache[900]["own"] = other = random.Random(1)
    assert own.generators()["data.[900].own"] is other


class Streaming(IterableDataset[Any]):
    def __init__(self) -> None:
        self.held = [Base() for _ in range(30)]

    def __iter__(self) -> Iterator[Any]:
        return iter(())


def test_the_walk_through_a_stream_says_where_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MOST", 20)
    with pytest.warns(UserWarning, match="holds more than"):
        Exact(batches(DataLoader(Streaming(), batch_size=4)), 0)


def test_keys_are_told_apart() -> None:
    root = "/data/" + "a/long/path/" * 8
    names = [root + "a", root + "b", 1, "1", (1, 2)]
    held = {name: random.Random(0) for name in names}
    assert len(Own(data=held).generators()) == len(names)


def test_a_nest_is_small_as_a_whole() -> None:
    assert is_plain([[0.0] * 30 for _ in range(30)])
    assert not is_plain([[0.0] * 40 for _ in range(30)])
    assert not is_plain([torch.zeros(600), torch.zeros(600)])
    assert is_plain({(1, 2): 3})


def test_a_data_set_is_no_part_of_the_order() -> None:
    data = Rising()
    made = Exact(batches(DataLoader(data, batch_size=4, shuffle=True)), 0)
    made.begin()
    list(made.epoch(1))
    state = made.state(between=True)
    assert state["begun"] == {}
    assert state["now"] == {"dataset.hard": 1}


def test_a_tensor_goes_where_the_held_one_lies() -> None:
    holder: Any = Base()
    holder.count = torch.zeros(1, device="meta")
    holder.counts = [torch.zeros(1, device="meta")]
    put_in(holder, "count", torch.ones(1), within=False)
    put_in(holder, "counts", [torch.ones(1), torch.ones(1)], within=False)
    assert holder.count.is_meta
    assert [one.is_meta for one in holder.counts] == [True, False]


def test_the_same_kind_of_thing_anew_is_no_reason() -> None:
    holder: Any = Base()
    holder.seen, holder.order = 0, torch.zeros(2000)
    kept = Attributes(own=holder)
    holder.seen, holder.order = 1, torch.ones(2000)
    assert kept.changed() == {"own.seen": 1}
    holder.order = torch.ones(3000)
    assert kept.changed() == {}
    assert kept.forgotten() == ["own.seen, which own.order goes with"]
