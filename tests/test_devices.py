"""Batches on another device: "meta" stands for it, since every machine has that one."""

from __future__ import annotations

import dataclasses
import types
from collections import OrderedDict, UserDict, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence
from torch.utils.data import DataLoader, TensorDataset

from fivestep.devices import Moving, device_of, moved, one_ahead


class Pair(NamedTuple):
    x: Any
    y: Any


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: Any
    name: str
    late: Any = dataclasses.field(init=False, repr=False)


class Encoding(UserDict[str, Any]):
    """As BatchEncoding: its own ``to`` would change the batch in place."""

    def to(self, device: Any) -> Encoding:
        self.data = {key: value.to(device) for key, value in self.data.items()}
        return self


class Fixed(Mapping[str, Any]):
    def __init__(self, parts: Mapping[str, Any]) -> None:
        self._parts = dict(parts)

    def __getitem__(self, key: str) -> Any:
        return self._parts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)


class Graph:
    def __init__(self, x: Tensor) -> None:
        self.x = x

    def to(self, device: Any) -> Graph:  # no non_blocking
        return self if self.x.device == device else Graph(self.x.to(device))


class Rows(list[Any]):
    label = "rows"


def tensor() -> Tensor:
    return torch.ones(2)


def frozen() -> Frozen:
    made = Frozen(tensor(), "a")
    object.__setattr__(made, "late", [tensor()])
    return made


NESTS: dict[str, Callable[[], Any]] = {
    "tensor": tensor,
    "tuple": lambda: (tensor(), 3, "text"),
    "named tuple": lambda: Pair(tensor(), {"a": tensor()}),
    "list": lambda: [tensor(), [tensor()]],
    "list of a kind of its own": lambda: Rows([tensor()]),
    "dict": lambda: {"a": tensor(), "b": None},
    "ordered": lambda: OrderedDict[str, Tensor](b=tensor(), a=tensor()),
    "defaultdict": lambda: defaultdict(list, a=[tensor()]),
    "user dict": lambda: Encoding({"ids": tensor(), "mask": tensor()}),
    "mapping": lambda: Fixed({"a": tensor()}),
    "proxy": lambda: types.MappingProxyType({"a": tensor()}),
    "dataclass": frozen,
    "object": lambda: Graph(tensor()),
    "packed": lambda: pack_sequence([torch.ones(2), torch.ones(3)], enforce_sorted=False),
    "deep": lambda: ({"a": [Pair(tensor(), Frozen(tensor(), "b"))]}, Graph(tensor())),
    "sparse": lambda: [torch.eye(3).to_sparse()],
}


def devices(value: Any) -> set[str]:
    """Every device in a nest, found in another way than the code does."""
    if isinstance(value, Tensor):
        return {value.device.type}
    if isinstance(value, (str, int, float, type(None))):
        return set()
    if hasattr(value, "batch_sizes"):
        return devices([value.data, value.sorted_indices, value.unsorted_indices])
    if isinstance(value, Mapping):
        return set[str]().union(*(devices(value[key]) for key in value))
    if isinstance(value, (tuple, list)):
        return set[str]().union(*(devices(part) for part in value))
    return devices(dict(vars(value)))


@pytest.mark.parametrize("name", NESTS)
def test_every_tensor_of_a_nest_is_moved_and_the_nest_left_as_it_was(name: str) -> None:
    value = NESTS[name]()
    there = moved(value, "meta")
    assert type(there) is type(value)
    assert devices(there) == {"meta"}
    assert devices(value) == {"cpu"}


@pytest.mark.parametrize("name", NESTS)
@pytest.mark.parametrize("device", ["cpu", "cpu:0", torch.device("cpu")])
def test_what_is_there_already_is_the_same_object(name: str, device: Any) -> None:
    value = NESTS[name]()
    assert moved(value, device) is value


def test_what_is_no_tensor_is_handed_through() -> None:
    array = np.ones(2)
    for value in ("text", b"bytes", 3, 2.5, True, None, array, {1, 2}, torch.float64, dict, Frozen):
        assert moved(value, "meta") is value
    values = ["text", array, (1, 2)]
    assert moved(values, "meta") is values
    assert moved({"text": "a", "x": tensor()}, "meta")["text"] == "a"


def test_what_stands_there_already_is_shared() -> None:
    here, there = [tensor()], torch.ones(2, device="meta")
    got = moved({"here": here, "there": there, "none": [1, 2]}, "meta")
    assert got["there"] is there
    assert got["here"] is not here


def test_order_type_and_attributes_are_kept() -> None:
    assert list(moved(NESTS["ordered"](), "meta")) == ["b", "a"]
    assert moved(NESTS["defaultdict"](), "meta")["none"] == []
    got = moved(frozen(), "meta")
    assert got.name == "a"
    assert got.late[0].is_meta
    packed = pack_sequence([torch.ones(2), torch.ones(3)], enforce_sorted=False)
    assert moved(packed, "meta").batch_sizes.equal(packed.batch_sizes)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_float64_for_mps_is_refused_in_words(dtype: torch.dtype) -> None:
    with pytest.raises(TypeError, match=rf"shape \(2, 3\) is {dtype}, which MPS does not have"):
        moved([torch.zeros(2, 3, dtype=dtype)], "mps")


def test_the_device_of_a_model() -> None:
    assert device_of(nn.Linear(2, 2)) == torch.device("cpu")
    assert device_of(nn.Linear(2, 2, device="meta")) == torch.device("meta")
    assert device_of(nn.BatchNorm1d(2, affine=False, device="meta")) == torch.device("meta")
    assert device_of(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, device="meta"))) is None
    assert device_of(nn.ReLU()) is None
    assert device_of(torch.relu) is None


class Asked:
    """Batches that say how many were asked for, and may fail at one."""

    def __init__(self, count: int, fails_at: int | None = None) -> None:
        self.count, self.fails_at, self.asked, self.ended = count, fails_at, 0, 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Any]:
        self.asked = 0
        for number in range(self.count):
            self.asked += 1
            if number == self.fails_at:
                raise OSError(f"batch {number}")
            yield torch.tensor([float(number)]), {"n": number}
        self.ended += 1


def test_batches_are_moved_in_order_when_they_are_asked_for() -> None:
    batches = Asked(3)
    moving = Moving(batches, "meta")
    assert len(moving) == 3
    for _ in range(2):
        for place, (x, more) in enumerate(moving):
            assert (x.is_meta, more["n"], batches.asked) == (True, place, place + 1)
    assert batches.ended == 2


def test_on_the_same_device_batches_are_the_same_objects() -> None:
    batches = [(tensor(), tensor()), (tensor(), tensor())]
    assert all(a is b for a, b in zip(Moving(batches, "cpu"), batches, strict=True))


def sent_to_meta(log: list[str]) -> Callable[[Any], Callable[[], Any]]:
    """Send as an upload does: move at once, hand out later."""

    def send(batch: Any) -> Callable[[], Any]:
        log.append(f"send {batch[1]['n']}")
        there = moved(batch, "meta")

        def arrive() -> Any:
            log.append(f"arrive {batch[1]['n']}")
            return there

        return arrive

    return send


def test_one_batch_is_on_its_way_and_never_more() -> None:
    batches, log = Asked(4), list[str]()
    for place, (x, more) in enumerate(one_ahead(batches, sent_to_meta(log))):
        assert (x.is_meta, more["n"]) == (True, place)
        assert batches.asked == min(place + 2, 4)
        log.append(f"use {place}")
    assert batches.ended == 1
    assert log[:5] == ["send 0", "arrive 0", "send 1", "use 0", "arrive 1"]
    assert [word for word in log if "send" in word] == [f"send {i}" for i in range(4)]


@pytest.mark.parametrize("count", [0, 1])
def test_few_batches_ahead(count: int) -> None:
    assert len(list(one_ahead(Asked(count), sent_to_meta([])))) == count


@pytest.mark.parametrize("fails_at", [0, 1, 2])
@pytest.mark.parametrize("ahead", [False, True])
def test_an_error_of_the_loader_comes_where_its_batch_would_have_come(
    fails_at: int, ahead: bool
) -> None:
    batches = Asked(3, fails_at)
    stream = one_ahead(batches, sent_to_meta([])) if ahead else iter(Moving(batches, "meta"))
    seen: list[int] = []
    with pytest.raises(OSError, match=f"batch {fails_at}"):
        seen.extend(more["n"] for _, more in stream)
    assert seen == list(range(fails_at))


def test_a_loader_starts_anew_each_time() -> None:
    data = TensorDataset(torch.arange(6.0), torch.arange(6.0))
    moving = Moving(DataLoader(data, batch_size=4), "cpu")
    assert [[len(x) for x, _ in moving] for _ in range(2)] == [[4, 2], [4, 2]]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("pinned", [False, True])
def test_on_cuda_batches_arrive_whole(pinned: bool) -> None:
    data = [(torch.full((1 << 20,), float(i)), Graph(tensor())) for i in range(6)]
    batches: list[Any] = [(x.pin_memory() if pinned else x, {"g": g}) for x, g in data]
    plain: list[Any] = [(x,) for x, _ in batches]
    for given in (batches, plain):
        for place, batch in enumerate(Moving(given, "cuda")):
            assert batch[0].is_cuda
            assert bool((batch[0] * 2 == 2.0 * place).all())
