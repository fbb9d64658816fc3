"""Data in, batches out: every sample once an epoch, in an order of seed and epoch alone."""

from __future__ import annotations

import random
import re
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from by_hand import assert_same
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Subset,
    TensorDataset,
    random_split,
)

from fivestep import batches
from fivestep.batches import Batches, TensorBatches, brings_samples, in_order, is_dataset

X, Y = torch.arange(20.0).reshape(10, 2), torch.arange(10)


class Own(Dataset[Any]):
    """A map-style data set with a random augmentation."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> Any:
        return X[index] + torch.rand(2), index


class Legs:
    """Indexed by number and of a length, but no ``Dataset`` by name."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> Any:
        if index > 9:
            raise IndexError
        return X[index], index


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        yield from zip(X, Y, strict=True)


def numbers(made: Batches, epoch: int = 1) -> list[list[int]]:
    return [targets.tolist() for _, targets in made.epoch(epoch)]


def expected_order(seed: int, epoch: int, size: int, count: int = 10) -> list[list[int]]:
    order = np.random.default_rng((seed, epoch)).permutation(count).tolist()
    return [order[start : start + size] for start in range(0, count, size)]


IN_MEMORY: dict[str, Any] = {
    "tensors": (X, Y),
    "arrays": (X.numpy(), Y.numpy()),
    "lists": (X.tolist(), Y.tolist()),
    "frames": (
        pd.DataFrame(X.numpy(), columns=["a", "b"]),
        pd.Series(Y.numpy(), index=range(9, -1, -1)),
    ),
    "TensorDataset": TensorDataset(X, Y),
    "Subset": Subset(TensorDataset(torch.cat((X, X)), torch.cat((Y + 50, Y))), range(10, 20)),
}
BY_SAMPLE: dict[str, Any] = {
    "own": Own(),
    "legs": Legs(),
    "subset of own": Subset(Own(), range(10)),
    "concatenated": ConcatDataset([TensorDataset(X, Y)]),
}  # fmt: skip


@pytest.mark.parametrize("name", [*IN_MEMORY, *BY_SAMPLE])
def test_the_order_is_of_seed_and_epoch_alone(name: str) -> None:
    data = (IN_MEMORY | BY_SAMPLE)[name]
    made = batches(data, batch_size=4, seed=7)
    for epoch in (1, 2, 5, 2):
        assert numbers(made, epoch) == expected_order(7, epoch, 4)
    assert len(made) == 3
    assert made.samples == 10
    assert isinstance(made, TensorBatches) == (name in IN_MEMORY)


@pytest.mark.parametrize("name", [*IN_MEMORY, *BY_SAMPLE])
def test_unshuffled_is_in_order(name: str) -> None:
    made = batches((IN_MEMORY | BY_SAMPLE)[name], batch_size=4, shuffle=False)
    assert numbers(made) == numbers(made, 2) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@pytest.mark.parametrize("name", IN_MEMORY)
def test_inputs_and_targets_stay_together(name: str) -> None:
    for shuffle in (True, False):
        for inputs, targets in batches(IN_MEMORY[name], batch_size=3, shuffle=shuffle).epoch(1):
            assert_same(inputs, X[targets])
            assert targets.dtype == torch.int64


@given(count=st.integers(1, 70), size=st.integers(1, 80), seed=st.integers(0, 2**64 - 1))
@settings(deadline=None, max_examples=100)
def test_every_sample_once_an_epoch(count: int, size: int, seed: int) -> None:
    rows = torch.arange(count)
    made = batches((rows, rows), batch_size=size, seed=seed)
    cut = numbers(made, 3)
    assert len(cut) == len(made)
    assert sorted(chain(*cut)) == list(range(count))
    assert all(len(part) == size for part in cut[:-1])
    assert cut == expected_order(seed, 3, size, count)


def test_the_default_is_32_shuffled_with_seed_0() -> None:
    rows = torch.arange(100)
    assert numbers(batches((rows, rows))) == expected_order(0, 1, 32, 100)


@pytest.mark.parametrize("data", [(X, Y), Own(), Stream()], ids=["memory", "own", "stream"])
def test_a_seed_spares_the_global_random_numbers(data: Any) -> None:
    if isinstance(data, Own):
        data = Legs()
    before = torch.get_rng_state(), str(np.random.get_state()), random.getstate()
    list(batches(data, seed=1).epoch(1))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (str(np.random.get_state()), random.getstate()) == before[1:]


def test_without_a_seed_the_order_is_torchs() -> None:
    torch.manual_seed(5)
    expected = torch.randperm(10).tolist()
    torch.manual_seed(5)
    assert numbers(batches((X, Y), batch_size=10, seed=None)) == [expected]


def test_an_iterable_data_set_is_cut_and_sets_its_own_order() -> None:
    made = batches(Stream(), batch_size=4)
    assert numbers(made) == numbers(made, 2) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_what_makes_batches_is_handed_on() -> None:
    loader = DataLoader(TensorDataset(X, Y), batch_size=3)
    assert numbers(batches(loader)) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    given_batches = [(X, Y), (X[:2], Y[:2])]
    assert all(
        ours is theirs
        for ours, theirs in zip(batches(given_batches).epoch(1), given_batches, strict=True)
    )


def test_a_sampler_hears_of_the_epoch() -> None:
    heard: list[int] = []

    class Sampler(RandomSampler):
        def set_epoch(self, epoch: int) -> None:
            heard.append(epoch)

    made = batches(DataLoader(Own(), sampler=Sampler(Own())))
    made.epoch(1)
    made.epoch(4)
    assert heard == [1, 4]


def test_random_split_and_subset_are_cut_in_memory() -> None:
    parts = random_split(TensorDataset(X, Y), [7, 3], torch.Generator().manual_seed(2))
    for part in parts:
        made = batches(part, batch_size=2, shuffle=False)
        assert isinstance(made, TensorBatches)
        assert [*chain(*numbers(made))] == list(part.indices)


def test_a_subclass_of_tensor_dataset_keeps_its_getitem() -> None:
    class Doubled(TensorDataset):
        def __getitem__(self, index: Any) -> Any:
            x, y = super().__getitem__(index)
            return 2 * x, y

    for data in (Doubled(X, Y), Subset(Doubled(X, Y), range(10))):
        ((inputs, targets),) = batches(data, batch_size=10).epoch(1)
        assert_same(inputs, 2 * X[targets])


def test_nests_are_cut_together() -> None:
    made = batches(({"a": X, "b": (X[:, 0], Y)}, (Y, -Y)), batch_size=4)
    for inputs, targets in made.epoch(1):
        assert_same(inputs["a"], X[targets[0]])
        assert_same(inputs["b"], (X[targets[0], 0], targets[0]))
        assert_same(targets[1], -targets[0])


def test_the_device_is_kept() -> None:
    for shuffle in (True, False):
        made = batches((X.to("meta"), Y.to("meta")), batch_size=4, shuffle=shuffle)
        shapes = [(inputs.device.type, tuple(inputs.shape)) for inputs, _ in made.epoch(1)]
        assert shapes == [("meta", (4, 2)), ("meta", (4, 2)), ("meta", (2, 2))]


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("kind", ["tensors", "arrays", "TensorDataset"])
def test_a_batch_is_a_copy(kind: str, shuffle: bool) -> None:
    """A model may work on its inputs in place: the data must not change under its owner."""
    before = X.clone()
    for inputs, targets in batches(IN_MEMORY[kind], batch_size=4, shuffle=shuffle).epoch(1):
        inputs.add_(1)
        targets.add_(1)
    assert_same(X, before)
    assert Y.tolist() == list(range(10))


def test_the_type_of_arrays_is_the_wanted_one_and_of_tensors_their_own() -> None:
    for data, expected in (((X.numpy(), Y), torch.float64), ((X, Y), torch.float32)):
        ((inputs, _),) = batches(data, dtype=torch.float64).epoch(1)
        assert inputs.dtype == expected


def test_in_order_leaves_the_order_of_loaders_alone() -> None:
    assert numbers(in_order((X, Y), batch_size=10)) == [list(range(10))]
    assert numbers(in_order(Own(), batch_size=10)) == [list(range(10))]
    loader = DataLoader(Legs(), shuffle=True, batch_size=10, generator=torch.Generator())  # pyright: ignore
    assert sorted(numbers(in_order(loader))[0]) == list(range(10))
    made = batches((X, Y))
    assert in_order(made) is made


def test_kinds_are_told_apart() -> None:
    for data in (Own(), Legs(), TensorDataset(X), Subset(Own(), [1])):
        assert is_dataset(data)
        assert brings_samples(data)
    for data in (
        Stream(),
        DataLoader(Own()),
        [(X, Y)],
        {"x": X},
        X,
        X.numpy(),
        "text",
        pd.Series([1]),
    ):
        assert not is_dataset(data)
        assert not brings_samples(data)
    assert brings_samples((X, Y))
    assert not brings_samples((X, Y, Y))


# --- What is refused -------------------------------------------------------------------------

REFUSED: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "a tensor": (X, {}, TypeError, r"a Tensor of shape \(10, 2\), and inputs with targets"),
    "an array": (X.numpy(), {}, TypeError, r"a ndarray of shape \(10, 2\)"),
    "a frame": (pd.DataFrame({"a": [1]}), {}, TypeError, r"a DataFrame of shape \(1, 1\)"),
    "a path": ("data.csv", {}, TypeError, r"of type str.*do: pass a pair"),
    "a dict": ({"x": X}, {}, TypeError, r"a dict of 1"),
    "a list of two tensors": ([X, Y], {}, TypeError, r"a list of 2 tensors.*do: pass a tuple"),
    "three tensors": ((X, X, Y), {}, TypeError, r"a tuple of 3 tensors.*\(\(a, b\), y\)"),
    "a list of arrays": ([X.numpy(), Y.numpy()], {}, TypeError, r"a list of 2 tensors or arrays"),
    "None": (None, {}, TypeError, r"the data is None, and nothing that yields batches"),
    "a function": (len, {}, TypeError, r"nothing that yields batches"),
    "lengths": ((X, Y[:9]), {}, ValueError, r"inputs and targets differ in length: 10 .* and 9"),
    "lengths inside": (
        ({"a": X, "b": X[:3]}, Y), {}, ValueError, r"inputs\['a'\] and inputs\['b'\] differ"
    ),
    "devices": ((X, Y.to("meta")), {}, ValueError, r"inputs is on cpu and targets on meta.*do"),
    "no samples": ((X[:0], Y[:0]), {}, ValueError, r"empty: inputs has shape \(0, 2\)"),
    "no samples in a data set": (Subset(Own(), []), {}, ValueError, r"empty: len\(Subset\) is 0"),
    "no samples in memory": (TensorDataset(X[:0], Y[:0]), {}, ValueError, r"empty: inputs has"),
    "no batches": ([], {}, ValueError, r"empty: len\(list\) is 0"),
    "nothing in it": (((), ()), {}, TypeError, r"the data holds no tensor"),
    "a single number": ((X, torch.tensor(1.0)), {}, ValueError, r"targets is a single number"),
    "three in a TensorDataset": (TensorDataset(X, X, Y), {}, TypeError, r"holds 3 tensors.*do"),
    "one in a TensorDataset": (TensorDataset(X), {}, TypeError, r"holds 1 tensors"),
    "size for a loader": (
        DataLoader(Own()), {"batch_size": 3}, ValueError, r"batch_size=3 .* of type DataLoader"
    ),
    "shuffle for a loader": (DataLoader(Own()), {"shuffle": False}, ValueError, r"shuffle=False"),
    "size for a list": ([(X, Y)], {"batch_size": 3}, ValueError, r"a list of 1, which makes batch"),
    "shuffle for a stream": (Stream(), {"shuffle": True}, ValueError, r"sets its own order"),
    "size 0": ((X, Y), {"batch_size": 0}, ValueError, r"batch_size=0 was given, and an int of at"),
    "size -1": ((X, Y), {"batch_size": -1}, ValueError, r"batch_size=-1"),
    "size 2.0": ((X, Y), {"batch_size": 2.0}, TypeError, r"batch_size=2\.0 is of type float"),
    "size True": ((X, Y), {"batch_size": True}, TypeError, r"batch_size=True is of type bool"),
    "seed -1": ((X, Y), {"seed": -1}, ValueError, r"seed=-1"),
    "seed 0.5": ((X, Y), {"seed": 0.5}, TypeError, r"seed=0\.5 is of type float"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    data, options, error, words = REFUSED[name]
    with pytest.raises(error) as caught:
        batches(data, **options)
    assert type(caught.value) is error
    assert re.search(words, str(caught.value), re.DOTALL), str(caught.value)
    assert "do: " in str(caught.value)
