"""Arrays and tables become tensors: the right type, the same numbers, the memory shared."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from by_hand import assert_same
from torch import Tensor

from fivestep.convert import count_samples, leaves, to_tensors

NUMBERS = [0, 1, 2, 100]


def made(value: Any, dtype: torch.dtype | None = None) -> Any:
    return to_tensors(value, "inputs", dtype)


# --- Types -----------------------------------------------------------------------------------

FLOATS = ["f2", "f4", "f8", "longdouble", ">f2", ">f4", ">f8"]
INTEGERS = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i2", ">i4", ">i8", ">u4"]
WANTED = [None, torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.mark.parametrize("dtype", WANTED, ids=str)
@pytest.mark.parametrize("kind", FLOATS)
def test_floats_become_the_wanted_type(kind: str, dtype: torch.dtype | None) -> None:
    assert_same(
        made(np.array(NUMBERS, dtype=kind), dtype),
        torch.tensor(NUMBERS, dtype=dtype or torch.float32),
    )


@pytest.mark.parametrize("dtype", WANTED, ids=str)
@pytest.mark.parametrize("kind", INTEGERS)
def test_integers_become_int64(kind: str, dtype: torch.dtype | None) -> None:
    assert_same(made(np.array(NUMBERS, dtype=kind), dtype), torch.tensor(NUMBERS))


def test_booleans_stay() -> None:
    assert_same(made(np.array([True, False])), torch.tensor([True, False]))


@pytest.mark.parametrize(
    ("kind", "dtype", "expected"),
    [
        ("c8", torch.float32, torch.complex64),
        ("c16", torch.float32, torch.complex64),
        ("c8", torch.float64, torch.complex128),
        (">c16", torch.float64, torch.complex128),
        ("clongdouble", torch.float64, torch.complex128),
    ],
)
def test_complex_follows_the_floating_type(kind: str, dtype: Any, expected: Any) -> None:
    values = [1 + 2j, -3j]
    assert_same(made(np.array(values, dtype=kind), dtype), torch.tensor(values, dtype=expected))


def test_the_default_type_is_torchs_own() -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        assert made(np.ones(2, dtype="f4")).dtype == torch.float64
    finally:
        torch.set_default_dtype(before)


def test_negative_numbers_keep_their_sign_from_every_width() -> None:
    for kind in ("i1", "i2", "i4", "i8", ">i2"):
        assert made(np.array([-1, -100], dtype=kind)).tolist() == [-1, -100]


def test_nan_and_inf_stay() -> None:
    tensor = made(np.array([np.nan, np.inf, -np.inf]))
    assert tensor.isnan().tolist() == [True, False, False]
    assert tensor[1:].tolist() == [float("inf"), float("-inf")]


# --- Memory ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.ones((3, 2), dtype="f4"), torch.float32),
        (np.ones((3, 2), dtype="f8"), torch.float64),
        (np.ones((3, 2), dtype="f4").T, torch.float32),
        (np.ones((6, 4), dtype="f4")[::2, 1:3], torch.float32),
        (np.arange(6), torch.float32),
        (np.ones(3, dtype=bool), torch.float32),
        (np.ones(3, dtype="c8"), torch.float32),
    ],
    ids=["float32", "float64", "transposed", "every other row", "int64", "bool", "complex64"],
)
def test_memory_is_shared(array: Any, dtype: torch.dtype) -> None:
    tensor = made(array, dtype)
    assert np.shares_memory(tensor.numpy(), array)
    assert np.array_equal(tensor.numpy(), array)


def read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


RECORDS = np.zeros(4, dtype=[("kind", "i1"), ("value", "f4"), ("count", "i8")])
RECORDS["value"] = RECORDS["count"] = range(4)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0)[::-1],
        np.arange(6.0).reshape(2, 3)[:, ::-1],
        np.arange(6)[::-2],
        read_only(np.arange(6.0)),
        read_only(np.arange(6)),
        np.broadcast_to(np.arange(3.0), (4, 3)),
        RECORDS["value"],
        RECORDS["count"],
        RECORDS["kind"],
        np.zeros((0, 3)),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    ],
    ids=[
        *("reversed", "reversed columns", "reversed integers", "read-only", "read-only integers"),
        *(
            "broadcast",
            "field of floats",
            "field of integers",
            "field of bytes",
            "empty",
            "Fortran",
        ),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_odd_layouts_keep_their_numbers(array: Any, dtype: torch.dtype) -> None:
    tensor = made(array, dtype)
    assert np.array_equal(tensor.numpy(), array)
    assert tensor.is_floating_point() == (array.dtype.kind == "f")


def test_read_only_arrays_are_not_written_through() -> None:
    array = read_only(np.zeros(3, dtype="f4"))
    made(array).fill_(1)
    assert not array.any()


# --- Tensors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(2, dtype=torch.float64),
        torch.ones(2, dtype=torch.int32),
        torch.ones(2, 3, device="meta"),
        torch.ones(2, dtype=torch.bfloat16),
        torch.ones(2, dtype=torch.complex64),
        torch.ones(2, 2).to_sparse(),
    ],
    ids=["float64", "int32", "meta", "bfloat16", "complex", "sparse"],
)
def test_tensors_are_handed_on_untouched(tensor: Tensor) -> None:
    assert made(tensor, torch.float32) is tensor


def test_nests_are_converted_part_by_part() -> None:
    parts = made(
        {"a": np.ones(2), "b": (np.arange(2), torch.ones(2), [[1.0], [2.0]])}, torch.float64
    )
    assert_same(
        parts,
        {
            "a": torch.ones(2, dtype=torch.float64),
            "b": (
                torch.arange(2),
                torch.ones(2),
                torch.tensor([[1.0], [2.0]], dtype=torch.float64),
            ),
        },
    )


# --- Tables ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (pd.Series([1.5, 2.5], index=[7, 3]), torch.tensor([1.5, 2.5])),
        (pd.Series([1, 2], dtype="int8"), torch.tensor([1, 2])),
        (pd.Series([True, False]), torch.tensor([True, False])),
        (pd.Index([3, 4]), torch.tensor([3, 4])),
        (pd.DataFrame({"a": [1.0], "b": [2.0]}), torch.tensor([[1.0, 2.0]])),
        (pd.DataFrame({"a": [1], "b": [2]}), torch.tensor([[1, 2]])),
        (pd.DataFrame({"a": [1], "b": [2.5]}), torch.tensor([[1.0, 2.5]])),
        (pd.DataFrame({"a": [True], "b": [2.5]}), torch.tensor([[1.0, 2.5]])),
        (pd.DataFrame({"a": [True], "b": [2], "c": [0.5]}), torch.tensor([[1.0, 2.0, 0.5]])),
        (pd.DataFrame({"a": [True], "b": [2]}), torch.tensor([[1, 2]])),
        (pd.Series([1, 2], dtype="Int64"), torch.tensor([1, 2])),
        (pd.Series([1, 2], dtype="UInt8"), torch.tensor([1, 2])),
        (pd.Series([True, False], dtype="boolean"), torch.tensor([True, False])),
        (pd.Series([1.5, 2.0], dtype="Float64"), torch.tensor([1.5, 2.0])),
        (pd.DataFrame({"a": [1], "b": [2]}, dtype="Int16"), torch.tensor([[1, 2]])),
        (pd.DataFrame({"a": [1], "b": [2.5]}).convert_dtypes(), torch.tensor([[1.0, 2.5]])),
        (pd.Series([1, 0, 0], dtype=pd.SparseDtype("int64", 0)), torch.tensor([1, 0, 0])),
        (pd.Series([2**53 + 1], dtype="Int64"), torch.tensor([2**53 + 1])),
    ],
    ids=lambda value: str(getattr(value, "dtypes", "")).replace("\n", " ")[:40] or "expected",
)
def test_tables(table: Any, expected: Tensor) -> None:
    assert_same(made(table), expected)


@pytest.mark.parametrize(
    "table",
    [
        pd.Series([1, pd.NA, 3], dtype="Int64"),
        pd.Series([1.0, pd.NA, 3.0], dtype="Float64"),
        pd.DataFrame({"a": pd.array([1, pd.NA, 3], dtype="Int64")}),
        pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [True, False, True]})[["a"]],
    ],
    ids=["Int64", "Float64", "frame of Int64", "NaN"],
)
def test_missing_values_become_nan(table: Any) -> None:
    tensor = made(table).flatten()
    assert tensor.dtype == torch.float32
    assert tensor.isnan().tolist() == [False, True, False]
    assert tensor[[0, 2]].tolist() == [1.0, 3.0]


# --- What is refused -------------------------------------------------------------------------

REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "text": (np.array(["cat", "dog"]), TypeError, r"inputs: got an array of text.*do: encode"),
    "bytes": (np.array([b"cat"]), TypeError, r"an array of bytes"),
    "objects": (np.array([1, "a"], dtype=object), TypeError, r"an array of Python objects"),
    "dates": (np.array(["2020-01-01"], dtype="M8[D]"), TypeError, r"an array of dates"),
    "durations": (np.array([1], dtype="m8[s]"), TypeError, r"timedelta64"),
    "records": (RECORDS, TypeError, r"an array of .*kind.*numbers were expected"),
    "ragged list": ([[1, 2], [3]], TypeError, r"a list whose rows differ.*do: make all rows"),
    "list of text": (["a", "b"], TypeError, r"an array of text"),
    "set": ({1, 2}, TypeError, r"inputs is a set of 2, and a tensor.*do: convert it first"),
    "None": (None, TypeError, r"inputs is None, and a tensor"),
    "a number": (3.0, TypeError, r"inputs is of type float, and a tensor"),
    "a part of a tuple": ((np.ones(2), "x"), TypeError, r"inputs\[1\] is of type str"),
    "a part of a dict": ({"a": None}, TypeError, r"inputs\['a'\] is None"),
    "masked": (
        np.ma.masked_greater(np.arange(4.0), 2),
        TypeError,
        r"masked array with 1 masked values, and a tensor knows no mask\n  do: inputs\.filled",
    ),
    "too large": (
        np.array([1, 2**63], dtype="u8"),
        ValueError,
        r"uint64 values up to 9223372036854775808, and int64 ends before that\n  do: make them",
    ),
    "categories": (
        pd.DataFrame({"size": [1.0, 2.0], "colour": pd.Categorical(["red", "blue"])}),
        TypeError,
        r"columns 'colour' \(category\) hold no numbers\n  do: drop them.*cat\.codes",
    ),
    "column of text": (
        pd.DataFrame({"size": [1.0], "name": ["a"], "when": pd.to_datetime(["2020-01-01"])}),
        TypeError,
        r"columns 'name' \((object|str)\), 'when' \(datetime64.*\) hold no numbers",
    ),
    "Series of text": (pd.Series(["a", "b"]), TypeError, r"hold no numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    value, error, words = REFUSED[name]
    with pytest.raises(error) as caught:
        made(value)
    assert type(caught.value) is error
    assert re.search(words, str(caught.value), re.DOTALL), str(caught.value)
    assert "do: " in str(caught.value)


def test_a_masked_array_without_a_masked_value_is_an_array() -> None:
    assert made(np.ma.masked_greater(np.arange(3.0), 9)).tolist() == [0, 1, 2]


# --- Names and counts ------------------------------------------------------------------------


def test_leaves_are_named_by_their_place() -> None:
    a, b, c = torch.zeros(1), torch.zeros(2), torch.zeros(3)
    nest = {"x": (a, {"y": b}), 2: [c], "text": "no tensor", "none": None}
    found = leaves(nest, "inputs")
    assert [name for name, _ in found] == ["inputs['x'][0]", "inputs['x'][1]['y']", "inputs[2][0]"]
    assert all(left is right for (_, left), right in zip(found, (a, b, c), strict=True))


@pytest.mark.parametrize(
    ("inputs", "targets", "count"),
    [
        (torch.zeros(5, 2), torch.zeros(4), 4),
        (torch.zeros(5, 2), None, 5),
        (torch.zeros(5), torch.tensor(1.0), 5),
        ({"a": torch.zeros(3, 1)}, (torch.zeros(6, 1), torch.zeros(7)), 6),
        ("text", "text", 1),
    ],
)
def test_count_samples(inputs: Any, targets: Any, count: int) -> None:
    assert count_samples(inputs, targets) == count
