"""The names on the lit line: told without running a line of anybody's."""

from __future__ import annotations

import gc
import inspect
import weakref
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from hand import staged
from torch import nn

from fivestep.page import lines, values


def this_frame() -> FrameType:
    """Where it is called."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back


class Trap:
    """Everything that could be asked of it is an accusation."""

    def __repr__(self) -> str:
        raise AssertionError("repr was asked for")

    __str__ = __format__ = __len__ = __bool__ = __iter__ = __eq__ = __hash__ = __repr__  # pyright: ignore

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


class Meta(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise AssertionError("a metaclass was asked")


class Named(metaclass=Meta):
    pass


class Property(nn.Module):
    @property
    def weight(self) -> Any:
        raise AssertionError("a property was read")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")

    def extra_repr(self) -> str:
        raise AssertionError("repr was asked for")


class Loud(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *_: Any, **__: Any) -> Any:
        raise AssertionError("a subclass of Tensor was asked")


class Text(str):
    def __repr__(self) -> str:
        raise AssertionError("a subclass of str was asked")

    __len__ = __getitem__ = __repr__  # type: ignore[assignment]


VALUES: list[tuple[Any, str | None]] = [
    (Trap(), "Trap"), (Named(), "Named"), (Property(), "Property"), (Text("x"), "Text"),
    (torch.zeros(2).as_subclass(Loud), "Loud"), (type("Int", (int,), {})(3), "Int"),
    (3, "3"), (2.5, "2.5"), (True, "True"), (None, "None"), ("a" * 200, None),
    (10**5000, "about 2**16609"), ([Trap()] * 3, "list of 3"), ({1: Trap()}, "dict of 1"),
    (b"\x00" * 500, None), (float("nan"), "nan"),
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(VALUES)))  # pytest itself would ask what they are
def test_values_in_short(place: int) -> None:
    value, text = VALUES[place]
    told = values.tell(value)["text"]
    assert told == text or (text is None and len(told) <= 80)


@pytest.mark.parametrize(
    ("tensor", "text"),
    [
        (torch.tensor(2.5), "2.5"), (torch.arange(5), "[0, 1, 2, …]"), (torch.zeros(0), "[]"),
        (torch.tensor([True]), "[1]"), (torch.tensor([float("nan")]), "[nan]"),
        (torch.zeros(2, 3, dtype=torch.bfloat16), "[0, 0, 0, …]"),
        (torch.ones(1000, 1000).t(), "[1, 1, 1, …]"), (torch.zeros(2, dtype=torch.complex64), ""),
        (torch.zeros(2, device="meta"), ""), (torch.eye(2).to_sparse(), ""),
        (nn.Parameter(torch.ones(1)), "[1]"), (np.arange(4.0), "[0, 1, 2, …]"),
        (np.array(["a"]), ""), (np.float32(1) * np.ones(()), None),
    ],
)  # fmt: skip
def test_tensors_in_short(tensor: Any, text: str | None) -> None:
    told = values.tell(tensor)
    if text is not None:
        assert told["text"] == text
        assert told["shape"] == list(tensor.shape)


def test_a_tensor_is_not_read_through_a_mode_of_the_users() -> None:
    class Counts(torch.overrides.TorchFunctionMode):
        calls = 0

        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            Counts.calls += 1
            return func(*args, **(kwargs or {}))

    tensor = torch.ones(3, requires_grad=True)
    with Counts():
        before = Counts.calls
        values.tell(tensor)
        assert Counts.calls == before


def test_names_of_a_statement() -> None:
    def told(frame: Any, line: int) -> dict[str, str]:
        statement = lines.statement(__file__, line)
        assert statement
        return {one["name"]: one["text"] for one in values.shown(frame, statement, None, None)}

    model = Property()
    trap = Trap()
    x = [1, 2]
    frame = this_frame()
    here = frame.f_lineno
    _y = (model.weight, trap.attribute, x, missing, len) if not x else None  # noqa: F821 # pyright: ignore
    assert told(frame, here + 1) == {"x": "list of 2"}
    _z = (model, trap, model.training) if not x else None
    assert told(frame, here + 3) == {
        "model": "Property", "trap": "Trap", "model.training": "True", "x": "list of 2",
    }  # fmt: skip


def test_of_a_loop_only_its_head_is_told() -> None:
    for_line = lines.statement(__file__, this_frame().f_lineno + 1)
    for one in range(2):
        assert one >= 0
    assert for_line is not None
    assert set(for_line.names) == {"one", "range"}


def test_the_value_that_a_line_is_about_to_give_is_told_and_none_from_before() -> None:
    def train() -> None:
        model = nn.Linear(2, 1)
        loss = torch.tensor(77.0)
        for _ in range(2):
            loss = nn.functional.mse_loss(model(torch.ones(3, 2)), torch.ones(3, 1))
            loss.backward()

    _, told = staged(train, ["step"] * 6)
    texts = [{value["name"]: value["text"] for value in one["values"]} for one in told.of("moment")]
    steps = [one["step"] for one in told.of("moment")]
    assert steps[:3] == ["forward", "loss", "backward"]
    assert "loss" not in texts[0], "it still holds what it held before"
    assert texts[1]["loss"] == f"{told.of('moment')[1]['loss']:.4g}"
    assert "77" not in str(texts)


def test_locals_of_the_script_are_left_alone() -> None:
    def train() -> Any:
        kept = locals()
        before = dict(kept)
        model = nn.Linear(2, 1)
        for _ in range(2):
            model(torch.ones(3, 2)).sum().backward()
        return before == {} and kept.keys() <= {"model", "_", "before", "kept"}, len(kept)

    (fine, _), _ = staged(train, ["step"] * 4)
    assert fine


def test_what_was_looked_at_is_not_kept_alive() -> None:
    gone: list[weakref.ref[Any]] = []

    def train() -> bool:
        big = weight = loss = None
        for _ in range(3):
            big = torch.ones(1000)
            weight = torch.ones(1000, requires_grad=True)
            gone.append(weakref.ref(big))
            loss = (weight * big).sum()
            loss.backward()
        del big, weight, loss
        gc.collect()
        return all(one() is None for one in gone)

    alone, _ = staged(train, ["step"] * 6)
    assert alone


def test_a_file_that_cannot_be_read_has_no_statement() -> None:
    assert lines.statement("<string>", 1) is None
    assert lines.given("<string>", 1, "loss") is None
