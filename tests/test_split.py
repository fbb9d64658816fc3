"""A split is disjoint and complete, of the size asked for, and the same for the same seed."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from by_hand import assert_same
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from fivestep import split


def numbered(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    rows = torch.arange(count)
    return torch.stack((rows, -rows), dim=1), rows


def parts(*args: Any, **options: Any) -> tuple[list[int], list[int]]:
    train, validate = split(*args, **options)
    return train[1].tolist(), validate[1].tolist()


# --- Which samples ---------------------------------------------------------------------------


@given(
    count=st.integers(2, 200),
    share=st.one_of(st.floats(0.01, 0.99), st.integers(1, 199)),
    seed=st.integers(0, 2**40),
    shuffle=st.booleans(),
)
@settings(deadline=None, max_examples=150)
def test_disjoint_complete_and_of_the_size_asked_for(
    count: int, share: Any, seed: int, shuffle: bool
) -> None:
    held = share if isinstance(share, int) else round(share * count)
    if not 0 < held < count:
        with pytest.raises(ValueError, match=re.escape(f"validation={share!r} of {count} samples")):
            split(numbered(count), validation=share, seed=seed, shuffle=shuffle)
        return
    train, validate = parts(numbered(count), validation=share, seed=seed, shuffle=shuffle)
    assert sorted(train + validate) == list(range(count))
    assert len(validate) == held
    assert train == sorted(train)
    assert validate == sorted(validate)


@given(sizes=st.lists(st.integers(2, 60), min_size=1, max_size=8), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=150)
def test_stratified_to_within_one_of_each_class(sizes: list[int], seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    count = len(labels)
    held = max(1, count // 3)
    train, validate = split((np.arange(count), labels), validation=held, stratify=True, seed=seed)
    assert sorted([*train[0], *validate[0]]) == list(range(count))
    assert len(validate[0]) == held
    for kind, size in enumerate(sizes):
        share = size * held / count
        assert abs(int((validate[1] == kind).sum()) - share) < 1


def test_inputs_and_targets_stay_together() -> None:
    train, validate = split(numbered(50))
    for inputs, targets in (train, validate):
        assert_same(inputs, torch.stack((targets, -targets), dim=1))


def test_the_same_seed_the_same_split_and_another_seed_another() -> None:
    one, again = parts(numbered(100), seed=3), parts(numbered(100), seed=3)
    assert one == again
    assert one != parts(numbered(100), seed=4)
    labels = np.arange(100) % 5
    stratified = [parts(numbered(100), stratify=labels, seed=seed) for seed in (3, 3, 4)]
    assert stratified[0] == stratified[1] != stratified[2]


def test_nobody_elses_random_numbers_are_used() -> None:
    before = torch.get_rng_state(), str(np.random.get_state())
    split(numbered(20))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert str(np.random.get_state()) == before[1]


def test_without_a_seed_the_choice_is_still_random() -> None:
    chosen = {tuple(parts(numbered(200), seed=None)[1]) for _ in range(4)}
    assert len(chosen) == 4
    assert tuple(range(160, 200)) not in chosen


def test_unshuffled_takes_the_last() -> None:
    assert parts(numbered(10), validation=0.3, shuffle=False) == ([*range(7)], [7, 8, 9])


def test_every_class_is_drawn_at_random() -> None:
    labels = np.repeat([0, 1], 50)
    chosen = split((np.arange(100), labels), stratify=True)[1][0]
    assert chosen.tolist() != [*range(10), *range(50, 60)]


# --- Kinds of data ---------------------------------------------------------------------------


def test_arrays_stay_arrays_with_their_type() -> None:
    data = np.arange(20, dtype="f4").reshape(10, 2), np.arange(10, dtype="i2")
    for inputs, targets in split(data):
        assert inputs.dtype == np.float32
        assert targets.dtype == np.int16
        assert inputs[:, 0].tolist() == (2 * targets).tolist()


def test_frames_keep_columns_and_index() -> None:
    frame = pd.DataFrame({"a": range(10), "b": list("abcdefghij")}, index=range(100, 110))
    train, validate = split((frame, frame["a"]), validation=3)
    assert list(validate[0].columns) == ["a", "b"]
    assert sorted([*train[0].index, *validate[0].index]) == [*range(100, 110)]
    assert validate[0].index.equals(validate[1].index)
    assert (validate[0].index == validate[1] + 100).all()


def test_tuples_and_dicts_of_inputs() -> None:
    rows = torch.arange(12)
    train, validate = split(({"a": rows, "b": (rows, rows.numpy())}, rows), validation=4)
    for inputs, targets in (train, validate):
        assert_same(inputs["a"], targets)
        assert_same(inputs["b"][0], targets)
        assert inputs["b"][1].tolist() == targets.tolist()
    assert len(validate[1]) == 4


class Squares(Dataset[Any]):
    def __init__(self, count: int) -> None:
        self.count = count
        self.targets = [index % 2 for index in range(count)]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        return torch.tensor([float(index)]), self.targets[index]


@pytest.mark.parametrize("data", [TensorDataset(*numbered(20)), Squares(20)], ids=["tensor", "own"])
def test_a_data_set_becomes_two_subsets(data: Any) -> None:
    train, validate = split(data, stratify=not isinstance(data, TensorDataset))
    assert type(train) is type(validate) is Subset
    assert train.dataset is validate.dataset is data
    assert sorted([*train.indices, *validate.indices]) == list(range(20))


def test_stratify_takes_the_targets_of_the_data() -> None:
    rows, labels = torch.zeros(40, 2), torch.arange(40) % 4
    kinds: list[Any] = [
        (rows, labels),
        (rows.numpy(), labels.numpy()),
        (rows, labels[:, None]),
        (pd.DataFrame(rows.numpy()), pd.Series(labels.numpy()).map(list("abcd").__getitem__)),
    ]
    for data in kinds:
        held = np.asarray(split(data, stratify=True)[1][1]).ravel()
        assert np.unique(held, return_counts=True)[1].tolist() == [2, 2, 2, 2]
    subset = split(TensorDataset(rows, labels), stratify=True)[1]
    assert labels[subset.indices].bincount().tolist() == [2, 2, 2, 2]
    subset = split(Squares(40), stratify=True)[1]
    assert np.bincount(np.array(subset.indices) % 2).tolist() == [4, 4]


def test_stratify_by_labels_of_ones_own() -> None:
    labels = ["left"] * 30 + ["right"] * 10
    validate = split(numbered(40), stratify=labels)[1]
    assert sum(index >= 30 for index in validate[1].tolist()) == 2


# --- What is refused -------------------------------------------------------------------------


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Any:
        yield from ()


PAIR = numbered(10)
REFUSED: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "a loader": (DataLoader(Squares(4)), {}, TypeError, r"of type DataLoader.*make the loaders"),
    "a stream": (Endless(), {}, TypeError, r"of type Endless, and it does not come sample by"),
    "one tensor": (PAIR[0], {}, TypeError, r"a Tensor of shape \(10, 2\).*do: split the pair"),
    "a list": ([PAIR], {}, TypeError, r"a list of 1.*do: split the pair"),
    "no share": (PAIR, {"validation": 0.0}, ValueError, r"validation=0\.0 of 10.*do: a share"),
    "all of it": (PAIR, {"validation": 1.0}, ValueError, r"validation=1\.0.*from 1 to 9"),
    "all, counted": (PAIR, {"validation": 10}, ValueError, r"validation=10 of 10 samples"),
    "negative": (PAIR, {"validation": -0.1}, ValueError, r"validation=-0\.1"),
    "more than all": (PAIR, {"validation": 1.5}, ValueError, r"validation=1\.5"),
    "NaN": (PAIR, {"validation": float("nan")}, ValueError, r"validation=nan"),
    "too small a share": (PAIR, {"validation": 0.01}, ValueError, r"leaves one part empty"),
    "bool": (PAIR, {"validation": True}, ValueError, r"validation=True"),
    "text": (PAIR, {"validation": "0.2"}, ValueError, r"validation='0\.2'"),
    "lengths": ((PAIR[0], PAIR[1][:9]), {}, ValueError, r"differ in length: \[9, 10\]"),
    "one sample": (numbered(1), {}, ValueError, r"of 1 samples leaves one part empty"),
    "a class of one": (
        (PAIR[0], np.array([0] * 9 + [7])),
        {"stratify": True},
        ValueError,
        r"the classes \[7\] there is only one sample.*do: drop these",
    ),
    "labels too short": (
        PAIR,
        {"stratify": [0, 1]},
        ValueError,
        r"labels of shape \(2,\) were given for 10 samples.*do: stratify=labels",
    ),
    "one-hot targets": (
        (PAIR[0], np.eye(10)),
        {"stratify": True},
        ValueError,
        r"labels of shape \(10, 10\)",
    ),
    "unshuffled and stratified": (
        PAIR,
        {"stratify": np.arange(10) % 2, "shuffle": False},
        ValueError,
        r"stratify was given together with shuffle=False.*do: leave one",
    ),
    "no targets at hand": (
        Subset(Squares(10), range(10)),
        {"stratify": True},
        ValueError,
        r"of type Subset, whose targets are not at hand.*do: stratify=labels",
    ),
    "a negative seed": (PAIR, {"seed": -1}, ValueError, r"seed=-1 .*do: "),
    "a seed of text": (PAIR, {"seed": "one"}, TypeError, r"seed='one' is of type str.*do: "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    data, options, error, words = REFUSED[name]
    with pytest.raises(error) as caught:
        split(data, **options)
    assert re.search(words, str(caught.value), re.DOTALL), str(caught.value)
    assert "do: " in str(caught.value)
