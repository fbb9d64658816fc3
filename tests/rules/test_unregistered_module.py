"""unregistered-module: where layers hide, and where hiding them is meant."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from watching import names, watch

NAME = "unregistered-module"


def train(model: nn.Module, *, optimizer: Any = None, count: int = 8, width: int = 6) -> None:
    optimizer = optimizer or torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(count):
        x = torch.randn(12, width)
        optimizer.zero_grad()
        ((model(x) - x[:, :1].sin()) ** 2).mean().backward()
        optimizer.step()


class Base(nn.Module):
    """A first layer, something hidden in ``build``, a last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 1)
        self.build()

    def build(self) -> None: ...

    def inner(self, x: Any) -> Any:
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.inner(self.first(x).relu()).relu())


# -- sick ---------------------------------------------------------------------------------------


class InDict(Base):
    def build(self) -> None:
        self.blocks = {"a": nn.Linear(8, 8), "b": nn.Sequential(nn.Linear(8, 8), nn.Tanh())}

    def inner(self, x: Any) -> Any:
        return self.blocks["b"](self.blocks["a"](x).tanh())


class InPlainObject(Base):
    def build(self) -> None:
        class Block:
            def __init__(self) -> None:
                self.linear = nn.Linear(8, 8)

        self.block = Block()

    def inner(self, x: Any) -> Any:
        return self.block.linear(x)


class MadeInForward(Base):
    def inner(self, x: Any) -> Any:
        return nn.Linear(8, 8)(x)


class PlainTensor(Base):
    def build(self) -> None:
        self.weight = torch.randn(8, 8, requires_grad=True)

    def inner(self, x: Any) -> Any:
        return x @ self.weight


class ListOfParameters(Base):
    def build(self) -> None:
        self.weights = [nn.Parameter(torch.randn(8, 8)) for _ in range(2)]

    def inner(self, x: Any) -> Any:
        return (x @ self.weights[0]).relu() @ self.weights[1]


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.last = InDict(), nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.body(x).tanh())


SICK = {
    InDict: "self.blocks = nn.ModuleDict(self.blocks)",
    InPlainObject: "make `block` an `nn.Module`",
    MadeInForward: "make it once in `__init__`",
    PlainTensor: "self.weight = nn.Parameter(self.weight)",
    ListOfParameters: "self.weights = nn.ParameterList(self.weights)",
    Nested: "register them in body: `self.blocks = nn.ModuleDict(self.blocks)`",
}


@pytest.mark.parametrize("kind", SICK, ids=lambda kind: kind.__name__)
def test_hidden_layers_are_named_with_the_line_that_registers_them(kind: type[nn.Module]) -> None:
    (finding,) = watch(lambda: train(kind())).findings
    assert finding.rule == NAME
    assert SICK[kind] in finding.fix


def test_a_short_run_is_enough() -> None:
    assert names(lambda: train(InDict(), count=4)) == [NAME]


def test_message_counts_and_the_line_is_that_of_the_forward() -> None:
    (finding,) = watch(lambda: train(InDict())).findings
    assert finding.message.startswith("blocks['b'].0.bias")
    assert "and 1 more get gradients and are in no parameters()" in finding.message
    assert finding.evidence["unregistered"] == 4
    assert finding.count == 8
    assert finding.site is not None
    assert finding.site.function == "train"


# -- healthy ------------------------------------------------------------------------------------


class Perceptual(Base):
    """A pretrained network, hidden from the checkpoint, gives gradients to what is before it."""

    def build(self) -> None:
        self.judge = [nn.Sequential(nn.Linear(8, 8), nn.ReLU()).eval()]

    def inner(self, x: Any) -> Any:
        return self.judge[0](x)


class Frozen(Base):
    def build(self) -> None:
        self.fixed = [nn.Linear(8, 8).requires_grad_(False)]

    def inner(self, x: Any) -> Any:
        return self.fixed[0](x)


class Teacher(Base):
    def build(self) -> None:
        self.slow = [copy.deepcopy(self.first)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            before = self.slow[0](x).relu()
        return self.last(self.first(x).relu() + before)


class NormInForward(Base):
    def inner(self, x: Any) -> Any:
        return nn.LayerNorm(x.shape[1:])(x)


class Lazy(Base):
    def inner(self, x: Any) -> Any:
        if not hasattr(self, "middle"):
            self.middle = nn.Linear(x.shape[1], 8)
        return self.middle(x)


class Functions(Base):
    def build(self) -> None:
        self.steps = [nn.Tanh(), nn.Dropout(0.1), F.relu]

    def inner(self, x: Any) -> Any:
        for step in self.steps:
            x = step(x)
        return x + nn.Softmax(dim=1)(x)


class Hyper(Base):
    """The weights of a layer are the output of another."""

    def build(self) -> None:
        self.maker = nn.Linear(8, 64)

    def inner(self, x: Any) -> Any:
        return x @ self.maker(x.mean(0)).view(8, 8)


class Points(nn.Module):
    """A differential equation is solved at points that the model carries with it."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
        self.points = torch.linspace(0, 1, 20).unsqueeze(1).requires_grad_()

    def forward(self) -> torch.Tensor:
        u = self.net(self.points)
        (slope,) = torch.autograd.grad(u.sum(), self.points, create_graph=True)
        return ((slope + u) ** 2).mean() + (self.net(torch.zeros(1, 1)) - 1).pow(2).mean()


def held_all_the_same() -> None:
    model = InDict()
    hidden = [p for block in model.blocks.values() for p in block.parameters()]
    train(model, optimizer=torch.optim.SGD([*model.parameters(), *hidden], 0.01))


def lazy_before_the_optimizer() -> None:
    model = Lazy()
    model(torch.randn(2, 6))
    train(model)


def equation() -> None:
    model = Points()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(8):
        optimizer.zero_grad()
        model().backward()
        optimizer.step()


def attack() -> None:
    model = Base()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    for _ in range(8):
        x = torch.randn(12, 6).requires_grad_()
        model(x).pow(2).mean().backward()
        near = (x + 0.1 * x.grad.sign()).detach()
        optimizer.zero_grad()
        (model(near) - near[:, :1]).pow(2).mean().backward()
        optimizer.step()


def by_hand() -> None:
    w, b = torch.randn(6, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    for _ in range(8):
        x = torch.randn(12, 6)
        ((x @ w + b - x[:, :1]) ** 2).mean().backward()
        with torch.no_grad():
            for one in (w, b):
                one -= 0.1 * one.grad
                one.grad = None


HEALTHY: dict[str, Callable[[], None]] = {
    kind.__name__: lambda kind=kind: train(kind())
    for kind in (Perceptual, Frozen, Teacher, NormInForward, Functions, Hyper)
} | {
    one.__name__: one
    for one in (held_all_the_same, lazy_before_the_optimizer, equation, attack, by_hand)
}


@pytest.mark.parametrize("loop", HEALTHY.values(), ids=HEALTHY)
def test_hidden_on_purpose_is_left_alone(loop: Callable[[], None]) -> None:
    assert NAME not in names(loop)
