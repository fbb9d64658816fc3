"""Nests of tensors: each kind comes back as its own, changed where something was to change."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, UserDict
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

from fivestep.attach.precision import autocast
from fivestep.nests import mapped


class Pair(NamedTuple):
    logits: Tensor
    name: str


@dataclasses.dataclass
class Output:
    logits: Tensor
    later: Tensor = dataclasses.field(init=False)  # not set by everybody


@dataclasses.dataclass(frozen=True)
class Frozen:
    logits: Tensor
    parts: tuple[Tensor, ...]


NESTS: dict[str, Callable[[Any], Any]] = {
    "tensor": lambda x: x,
    "list": lambda x: [x, "text", None, 3],
    "tuple": lambda x: (x, (x, [x])),
    "named tuple": lambda x: Pair(x, "a"),
    "dict": lambda x: {"logits": x, 2: x},
    "ordered": lambda x: OrderedDict[str, Any](b=x, a=x),
    "UserDict": lambda x: UserDict(logits=x),
    "MappingProxyType": lambda x: MappingProxyType({"logits": x}),
    "dataclass": lambda x: Output(x),
    "frozen": lambda x: Frozen(x, (x, x)),
    "packed": lambda x: pack_sequence([x, x]),
}


def tensors(value: Any) -> list[Tensor]:
    found: list[Tensor] = []
    mapped(value, lambda tensor: found.append(tensor) or tensor)
    return [one for one in found if one.is_floating_point()]


@pytest.mark.parametrize("name", NESTS)
def test_every_tensor_of_a_nest_is_reached_and_its_kind_kept(name: str) -> None:
    nest = NESTS[name](torch.ones(2))
    made = mapped(nest, lambda tensor: tensor + 1)
    assert type(made) is type(nest)
    assert tensors(made)
    assert all(one.eq(2).all() for one in tensors(made) if one.is_floating_point())
    assert all(one.eq(1).all() for one in tensors(nest))  # the original is as it was
    assert mapped(nest, lambda tensor: tensor) is nest


@pytest.mark.parametrize("name", NESTS)
def test_autocast_hands_out_float32_from_every_nest(name: str) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Any:
            made = self.layer(x)
            assert made.dtype is torch.bfloat16
            return NESTS[name](made)

    model = Model()
    autocast(model, "bfloat16")
    assert {one.dtype for one in tensors(model(torch.ones(2)))} == {torch.float32}


def test_what_moves_itself_is_given_to_other_whole() -> None:
    packed = pack_sequence([torch.ones(2), torch.ones(1)])
    seen: list[Any] = []
    made = mapped([packed, torch.ones(1)], lambda tensor: tensor + 1, lambda one: seen.append(one))
    assert seen == [packed]
    assert made[1].item() == 2
