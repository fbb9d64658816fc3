"""Plain values to JSON and back: the same to the bit, and nothing but plain values."""

from __future__ import annotations

import collections
import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoints.resumed import same
from fivestep.checkpoints.codec import Tensors, UnsaveableError, decode, encode
from fivestep.checkpoints.fragments import copied, from_bytes, to_bytes

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.complex_numbers()
    | st.floats(allow_nan=True) | st.just(-0.0) | st.just(2**300)
)  # fmt: skip
KEYS = st.text() | st.integers() | st.tuples(st.integers(), st.text()) | st.just("$tensor")
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner)
        | st.dictionaries(st.text(), inner)
    ),
    max_leaves=12,
)


def there_and_back(value: Any) -> Any:
    tensors: Tensors = {}
    text = json.dumps(encode(value, "value", tensors), allow_nan=False)
    read = from_bytes(to_bytes({name: copied(one) for name, one in tensors.items()}))
    return decode(json.loads(text), read)


@settings(deadline=None)
@given(VALUES)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    back = there_and_back(value)
    assert repr(back) == repr(value)


@pytest.mark.parametrize(
    "value",
    [
        collections.Counter({3: 2, 1: 1}),
        collections.OrderedDict([("b", 1), ("a", 2)]),
        collections.deque([1, 2, 3], maxlen=5),
        collections.defaultdict(list, {"a": [1]}),
        torch.Size([2, 3]),
        {1, 2, 300},
        frozenset({"a", "b"}),
        {"huge": 10**5000},
        torch.bfloat16,
        {"a": {"b": torch.zeros(1)}, "a/b": torch.ones(1)},
    ],
)
def test_plain_containers_keep_their_type(value: Any) -> None:
    back = there_and_back(value)
    same(back, value)
    assert getattr(back, "maxlen", None) == getattr(value, "maxlen", None)
    assert getattr(back, "default_factory", None) is getattr(value, "default_factory", None)


DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.int64,
    torch.uint8, torch.bool, torch.complex64, torch.complex128, torch.uint16,
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3)])
def test_tensors_of_every_kind_come_back(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    size = int(np.prod(shape)) * dtype.itemsize
    generator = torch.Generator().manual_seed(1)
    raw = torch.randint(0, 2, (size,), dtype=torch.uint8, generator=generator)
    value = raw.view(dtype).reshape(shape)
    same(there_and_back({"one": value, "turned": value.T if len(shape) == 2 else value}),
         {"one": value, "turned": value.T if len(shape) == 2 else value})  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [np.arange(6.0).reshape(2, 3), np.float32(1.5), np.array(3), np.int64(-4), np.str_("a")],
)
def test_arrays_come_back(value: Any) -> None:
    back = there_and_back(value)
    assert type(back) is type(value)
    assert back.dtype == value.dtype
    assert np.array_equal(back, value)
    assert back.shape == value.shape


class Small(int):
    pass


@pytest.mark.parametrize(
    "value",
    [object(), Small(3), lambda: 1, np.array([object()]), torch.ones(2).to_mkldnn(),
     collections.defaultdict(object), torch.ones(1, device="meta"), Exception],
)  # fmt: skip
def test_anything_else_is_refused_where_it_stands(value: Any) -> None:
    with pytest.raises(UnsaveableError, match=r"whole/part/1 is .*without a pickle\n  do: keep"):
        encode({"part": [0, value]}, "whole", {})
    round_about: list[Any] = []
    round_about.append(round_about)
    with pytest.raises(UnsaveableError, match="contains itself"):
        encode(round_about, "whole", {})


@pytest.mark.parametrize(
    "text",
    ['{"$os": 1}', '{"$dtype": "load"}', '{"$tensor": "x"}', '{"$defaultdict": [], "of": "eval"}'],
)
def test_what_encode_never_wrote_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no value of a checkpoint"):
        decode(json.loads(text), {})
