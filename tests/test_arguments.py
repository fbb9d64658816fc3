"""Pairs are pairs, and the inputs become the arguments that the model takes."""

# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from collections import OrderedDict, UserDict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from fivestep.arguments import describe, pairs, spread


class Named(NamedTuple):
    inputs: int
    targets: int


# --- pairs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [(1, 2), [1, 2], Named(1, 2)], ids=["tuple", "list", "named"])
def test_a_pair(batch: Any) -> None:
    assert list(pairs([batch])) == [(1, 2)]


def test_pairs_are_pulled_one_at_a_time() -> None:
    pulled: list[int] = []

    def batches() -> Iterator[Any]:
        for number in range(3):
            pulled.append(number)
            yield number, number

    reader = pairs(batches())
    assert pulled == []
    next(reader)
    assert pulled == [0]


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        (torch.zeros(2, 5), "a Tensor of shape (2, 5)"),
        (np.zeros((2, 1)), "a ndarray of shape (2, 1)"),
        ((1, 2, 3), "a tuple of 3"),
        ((), "a tuple of 0"),
        ([1], "a list of 1"),
        ({"x": 1, "y": 2}, "a dict of 2"),
        ({1, 2}, "a set of 2"),
        (None, "None"),
        ("xy", "of type str"),
        (3.5, "of type float"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_pair(batch: Any, words: str) -> None:
    assert describe(batch) == words
    reader = pairs([(0, 0), (1, 1), batch])
    assert [next(reader), next(reader)] == [(0, 0), (1, 1)]
    with pytest.raises(TypeError) as caught:
        next(reader)
    assert str(caught.value) == (
        f"batch 3 is {words}, and a pair (inputs, targets) was expected\n"
        "  do: make the data set return (inputs, targets); several inputs go into one "
        "tuple or dict: ((a, b), targets)"
    )


# --- spread -----------------------------------------------------------------------------------


def ab(a: Any, b: Any) -> None: ...
def one(pair: Any) -> None: ...
def keywords(*, a: Any, b: Any) -> None: ...
def with_default(a: Any, b: Any = None) -> None: ...
def three(a: Any, b: Any, c: Any) -> None: ...
def anything(*args: Any, **kwargs: Any) -> None: ...
def any_keyword(**kwargs: Any) -> None: ...
def only_positional(a: Any, b: Any, /) -> None: ...


PAIR = (1, 2)
DICT = {"a": 1, "b": 2}
SPREAD = [
    (ab, PAIR, (PAIR, {})),
    (ab, DICT, ((), DICT)),
    (ab, [1, 2], (([1, 2],), {})),
    (ab, Named(1, 2), ((Named(1, 2),), {})),
    (ab, (1, 2, 3), (((1, 2, 3),), {})),
    (ab, 7, ((7,), {})),
    (ab, None, ((None,), {})),
    (one, PAIR, ((PAIR,), {})),
    (one, DICT, ((DICT,), {})),
    (one, (1,), ((1,), {})),
    (one, {"pair": 1}, ((), {"pair": 1})),
    (one, (), (((),), {})),
    (keywords, DICT, ((), DICT)),
    (keywords, OrderedDict(DICT), ((), DICT)),
    (keywords, UserDict(DICT), ((), DICT)),
    (keywords, PAIR, ((PAIR,), {})),
    (with_default, PAIR, (PAIR, {})),
    (with_default, (1,), ((1,), {})),
    (with_default, {"a": 1}, ((), {"a": 1})),
    (with_default, {"b": 1}, (({"b": 1},), {})),
    (three, PAIR, ((PAIR,), {})),
    (anything, PAIR, (PAIR, {})),
    (anything, DICT, ((), DICT)),
    (any_keyword, DICT, ((), DICT)),
    (any_keyword, {1: 2}, (({1: 2},), {})),
    (only_positional, PAIR, (PAIR, {})),
    (only_positional, DICT, ((DICT,), {})),
]


@pytest.mark.parametrize(
    ("model", "inputs", "expected"), SPREAD, ids=[f"{m.__name__}: {i!r}" for m, i, _ in SPREAD]
)
def test_spread(model: Callable[..., Any], inputs: Any, expected: Any) -> None:
    args, kwargs = spread(model)(inputs)
    assert (args, dict(kwargs)) == expected


def module(function: Callable[..., Any]) -> nn.Module:
    """A module whose ``forward`` is like ``function``."""
    kind = type("Model", (nn.Module,), {"forward": staticmethod(function)})
    return kind()


class Wrapper(nn.Module):
    """Takes anything and hands it on, as DDP does."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.module = inner

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: model,
        nn.DataParallel,
        Wrapper,
        lambda model: Wrapper(Wrapper(model)),
        partial(torch.compile, backend="eager"),
        lambda model: Wrapper(torch.compile(model, backend="eager")),  # pyright: ignore
        lambda model: torch.compile(Wrapper(model), backend="eager"),  # pyright: ignore
    ],
    ids=["bare", "DataParallel", "DDP", "twice", "compiled", "compiled inside", "compiled outside"],
)
@pytest.mark.parametrize("function", [ab, one, keywords, with_default], ids=lambda f: f.__name__)
def test_a_wrapper_takes_what_its_model_takes(
    wrap: Callable[[nn.Module], Any], function: Callable[..., Any]
) -> None:
    for inputs in (PAIR, DICT, [1, 2], 7):
        expected = spread(function)(inputs)
        assert spread(wrap(module(function)))(inputs) == expected


def test_a_wrapper_with_a_signature_of_its_own_is_not_looked_into() -> None:
    class Careful(Wrapper):
        def forward(self, pair: Any) -> Any:  # pyright: ignore
            return self.module(*pair)

    assert spread(Careful(module(ab)))(PAIR) == ((PAIR,), {})


def test_a_wrapper_that_names_its_first_argument_is_not_looked_into() -> None:
    class Naming(Wrapper):
        def forward(self, first: Any, *others: Any, **options: Any) -> Any:  # pyright: ignore
            return self.module((first, *others), **options)

    assert spread(Naming(module(one)))(PAIR) == (PAIR, {})


def test_an_object_that_is_called() -> None:
    class Model:
        def __call__(self, a: Any, b: Any) -> Any: ...

    assert spread(Model())(PAIR) == (PAIR, {})


def test_partial_application_counts() -> None:
    assert spread(partial(three, 0))(PAIR) == (PAIR, {})
    assert spread(partial(ab, 0))(PAIR) == ((PAIR,), {})


def test_what_is_built_in_c_is_refused_nothing() -> None:
    assert spread(torch.add)(PAIR) == (PAIR, {})


def test_sequential_takes_one_input() -> None:
    assert spread(nn.Sequential(nn.Linear(1, 1)))(PAIR) == ((PAIR,), {})


def test_a_packed_sequence_stays_whole() -> None:
    packed = nn.utils.rnn.pack_sequence([torch.ones(3), torch.ones(2)])
    for function in (ab, one, anything):
        args, kwargs = spread(function)(packed)
        assert args[0] is packed
        assert (len(args), kwargs) == (1, {})
