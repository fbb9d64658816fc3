"""Weights keep the names that the author of the model gave them, whatever stands around it."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel

from fivestep.unwrapped import clean_state, load_clean_state, unwrapped


class Owner(nn.Module):
    """Has an attribute that is really called ``module``, and one weight beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.module = nn.Linear(3, 3)
        self.weight = nn.Parameter(torch.randn(3))
        self.register_buffer("steps", torch.tensor(3))

    def forward(self, x: Any) -> Any:
        return self.module(x) * self.weight


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.out = nn.Embedding(4, 3), nn.Linear(3, 4, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, x: Any) -> Any:
        return self.out(self.embed(x))


def deep() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Sequential(Owner()))


MODELS: list[Callable[[], nn.Module]] = [Owner, Tied, deep, lambda: nn.Linear(3, 1)]


@pytest.fixture(scope="module", autouse=True)
def group() -> Iterator[None]:
    """One process is a group, too."""
    with tempfile.TemporaryDirectory() as folder:
        store = f"file://{Path(folder) / 'store'}"
        torch.distributed.init_process_group("gloo", init_method=store, rank=0, world_size=1)
        yield
        torch.distributed.destroy_process_group()


def compiled(model: nn.Module) -> Any:
    return torch.compile(model, backend="eager")


def inside(wrap: Callable[[nn.Module], Any]) -> Callable[[nn.Module], Any]:
    """Wrap every child of the model, and leave the root as it is."""

    def around(model: nn.Module) -> nn.Module:
        for name, child in list(model.named_children()):
            setattr(model, name, wrap(child))
        return model

    return around


def all_of_them(model: nn.Module) -> Any:
    return compiled(DistributedDataParallel(inside(compiled)(model)))


WRAPS: dict[str, Callable[[nn.Module], Any]] = {
    "bare": lambda model: model,
    "compiled": compiled,
    "parallel": DataParallel,
    "distributed": DistributedDataParallel,
    "compiled distributed": lambda model: compiled(DistributedDataParallel(model)),
    "distributed compiled": lambda model: DistributedDataParallel(compiled(model)),
    "compiled inside": inside(compiled),
    "parallel inside": inside(DataParallel),
    "everywhere": all_of_them,
}


@pytest.mark.parametrize("wrap", ["compiled", "parallel", "distributed", "compiled distributed"])
def test_the_root_is_peeled(wrap: str) -> None:
    model = deep()
    assert unwrapped(WRAPS[wrap](model)) is model


def test_what_is_no_wrapper_stays() -> None:
    owner = Owner()  # its `module` is not what it wraps
    assert unwrapped(owner) is owner
    assert unwrapped(torch.sin) is torch.sin


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("make", MODELS, ids=["owner", "tied", "deep", "linear"])
def test_names_and_tensors_are_those_of_the_bare_model(
    make: Callable[[], nn.Module], wrap: str
) -> None:
    model = make()
    names = {name: value.data_ptr() for name, value in model.state_dict().items()}
    state = clean_state(WRAPS[wrap](model))
    assert {name: value.data_ptr() for name, value in state.items()} == names
    assert list(state) == list(names)


@pytest.mark.parametrize("into", WRAPS)
@pytest.mark.parametrize("saved", WRAPS)
@pytest.mark.parametrize("clean", [True, False], ids=["clean", "as saved by torch"])
@pytest.mark.parametrize("make", MODELS, ids=["owner", "tied", "deep", "linear"])
def test_every_way_there_and_back(
    make: Callable[[], nn.Module], saved: str, into: str, clean: bool
) -> None:
    source, target = make(), make()
    truth = copy.deepcopy(dict(source.state_dict()))
    keys = {id(target): list(target.state_dict())}
    around = WRAPS[saved](source)
    state = clean_state(around) if clean else around.state_dict()
    other = WRAPS[into](target)
    load_clean_state(other, state)
    loaded = clean_state(other)
    assert list(loaded) == keys[id(target)]
    for name, value in truth.items():
        assert torch.equal(loaded[name], value), name


def test_extra_state_goes_along() -> None:
    class Counting(nn.Linear):
        count = 0

        def get_extra_state(self) -> Any:
            return {"count": self.count}

        def set_extra_state(self, state: Any) -> None:
            self.count = state["count"]

    one, other = Counting(2, 2), Counting(2, 2)
    one.count = 5
    load_clean_state(compiled(other), clean_state(compiled(one)))
    assert other.count == 5


def test_what_does_not_belong_is_named_and_nothing_is_loaded() -> None:
    model = deep()
    before = copy.deepcopy(model.state_dict())
    state = {f"module.{key}": value + 1 for key, value in clean_state(model).items()}
    state["module.new"] = torch.zeros(1)
    del state["module.0.bias"]
    state["module.0.weight"] = torch.zeros(3, 4)
    with pytest.raises(ValueError, match="do: build the model") as caught:
        load_clean_state(compiled(model), state)
    message = str(caught.value)
    assert "Sequential" in message
    assert "missing: 0.bias\n" in message
    assert "too many: new\n" in message
    assert "of another shape: 0.weight (3, 4), not (3, 3)\n" in message
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])


def test_a_long_list_is_cut() -> None:
    model = nn.Sequential(*(nn.Linear(1, 1) for _ in range(10)))
    with pytest.raises(ValueError, match=r"missing: .* and 12 more"):
        load_clean_state(model, {})


def test_one_wrapped_child_under_two_names() -> None:
    shared = compiled(nn.Linear(3, 3))
    model = nn.Sequential(shared, shared)
    assert list(clean_state(model)) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    load_clean_state(model, clean_state(nn.Sequential(one := nn.Linear(3, 3), one)))
    assert torch.equal(unwrapped(shared).weight, one.weight)


def test_two_keys_of_one_name_are_refused() -> None:
    state = {"weight": torch.zeros(1, 3), "bias": torch.zeros(1), "module.bias": torch.ones(1)}
    with pytest.raises(ValueError, match=r"too many: module\.bias"):
        load_clean_state(nn.Linear(3, 1), state)
