"""Guarantees on models of other makes: memory layouts, sparse gradients, buffers that move."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from fivestep.doctor import listen
from fivestep.proofs.words import told_apart
from fivestep.prove import Proof, prove

torch.set_num_threads(1)
SLOPE, WHOLE = "gradient-is-the-slope", "accumulated-is-whole"


def proof_of(model: nn.Module, data: Any, only: Any, loss_fn: Any = None) -> Proof:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    return prove(model, loss_fn or nn.MSELoss(), optimizer, data, samples=24, only=only)


def line_data() -> Any:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(24, 3, generator=generator)
    return x, x.sum(1, keepdim=True) * 0.5 + 1


class Turned(nn.Module):
    """A weight whose elements do not lie in the order of its axes."""

    def __init__(self, *, wrong: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 3).t())
        self.last, self.wrong = nn.Linear(4, 1), wrong

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.cat((self.weight[:2], self.weight[2:].detach())) if self.wrong else None
        return self.last((x @ (self.weight if weight is None else weight)).tanh())


class Scaled(nn.Module):
    """A weight without axes."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.line = nn.Parameter(torch.tensor(2.0)), nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.line(x) * self.scale


def channels_last() -> Any:
    layers = nn.Conv2d(3, 4, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1)
    model: Any = nn.Sequential(*layers).to(memory_format=torch.channels_last)  # pyright: ignore
    assert not model[0].weight.is_contiguous()
    return model, (torch.randn(24, 3, 5, 5), torch.randn(24, 1))


@pytest.mark.parametrize(
    "make", [channels_last, lambda: (Turned(), line_data()), lambda: (Scaled(), line_data())]
)
def test_the_slope_of_weights_that_do_not_lie_in_order(make: Callable[[], Any]) -> None:
    proof = proof_of(*make(), only=SLOPE)
    assert proof[SLOPE].verdict.value == "holds", str(proof)


def test_the_slope_names_the_element_by_its_axes() -> None:
    proof = proof_of(Turned(wrong=True), line_data(), only=SLOPE)
    assert "backward gives 0" in proof[SLOPE].shown.cause
    assert "weight[2, " in proof[SLOPE].shown.cause


class Bag(nn.Module):
    """A table of which a batch uses few rows."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 4, sparse=True)
        self.weight = nn.Parameter(torch.randn(4, 1))

    def forward(self, words: Tensor) -> Tensor:
        return self.table(words).mean(1) @ self.weight


def test_a_gradient_that_nobody_uses_is_not_compared() -> None:
    """The optimizer holds the last layer; the gradient of the first is never cleared."""
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model[2].parameters(), lr=0.1)
    proof = prove(model, nn.MSELoss(), optimizer, line_data())
    assert proof.holds, str(proof)


OPTIMIZERS: dict[str, Callable[[Bag], Any]] = {
    "sgd": lambda model: torch.optim.SGD(model.parameters(), lr=0.1),
    "adagrad": lambda model: torch.optim.Adagrad(model.parameters(), lr=0.1),
    "sparse adam": lambda model: torch.optim.SparseAdam([model.table.weight], lr=0.01),
}


@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")  # Adagrad's own
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_sparse_gradients_reach_the_optimizer_as_they_are(name: str) -> None:
    model = Bag()
    data = torch.randint(0, 50, (24, 3)), torch.randn(24, 1)
    proof = prove(model, nn.MSELoss(), OPTIMIZERS[name](model), data)
    rehearsed = "resumed-is-uninterrupted"  # in a process of its own, by a set-up in a file
    assert {row.name: row.verdict.value for row in proof.rows} == {
        row.name: "not proved" if row.name == rehearsed else "holds" for row in proof.rows
    }, str(proof)


# --- Buffers that a forward changes ---------------------------------------------------------------


def spectral() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(spectral_norm(nn.Linear(3, 8)), nn.Tanh(), spectral_norm(nn.Linear(8, 1)))


def old_spectral() -> nn.Sequential:
    torch.manual_seed(0)
    made = torch.nn.utils.spectral_norm(nn.Linear(3, 8))
    return nn.Sequential(made, nn.Tanh(), nn.Linear(8, 1))


@pytest.mark.parametrize("make", [spectral, old_spectral])
def test_buffers_that_follow_the_weights_are_named(make: Callable[[], nn.Module]) -> None:
    proof = proof_of(make(), line_data(), only=[SLOPE, WHOLE])
    for name in (SLOPE, WHOLE):
        shown = proof[name].shown
        assert shown.verdict.value == "not applicable", str(proof)
        assert "changes buffers" in shown.cause
        assert "weight" in shown.cause.partition(":")[2]  # the buffer's name
        assert shown.measures[0].holds
        assert not shown.measures[-1].holds


def a_sum(prediction: Tensor, targets: Tensor) -> Tensor:
    return (prediction - targets).square().sum()


class Halved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # pyright: ignore
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # pyright: ignore
        return gradient * 0.5


class Halving(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return Halved.apply(x)  # pyright: ignore


def test_a_fault_beside_such_buffers_is_still_seen() -> None:
    proof = proof_of(spectral(), line_data(), only=WHOLE, loss_fn=a_sum)
    assert proof[WHOLE].verdict.value == "fails"
    assert "adds up over its samples" in proof[WHOLE].shown.cause
    proof = proof_of(nn.Sequential(*spectral(), Halving()), line_data(), only=SLOPE)
    assert proof[SLOPE].verdict.value == "fails"
    assert "Halved" in proof[SLOPE].shown.cause


class Growing(nn.Module):
    """Counts its calls in a buffer, in eval mode too, and computes with it."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(3, 1)
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls: Tensor = self.calls + 1
        self.seen: Tensor = self.seen + len(x)
        return self.line(x) * (1 + 0.01 * self.calls)


def test_a_buffer_that_eval_mode_does_not_hold_is_the_cause() -> None:
    proof = proof_of(Growing(), line_data(), only=WHOLE)
    assert proof[WHOLE].verdict.value == "fails"
    cause = proof[WHOLE].shown.cause
    assert "changes buffers" in cause
    assert "calls" in cause
    assert "seen" not in cause


@pytest.mark.parametrize(
    ("first", "second", "digits", "told"),
    [
        (1.5, 2.5, 4, ("1.5", "2.5")),
        (1.23456, 1.23457, 4, ("1.23456", "1.23457")),
        (1.262361, 1.262362, 6, ("1.262361", "1.262362")),
        (2.0, 2.0, 4, ("2", "2")),
    ],
)
def test_two_numbers_are_told_apart(
    first: float, second: float, digits: int, told: tuple[str, str]
) -> None:
    assert told_apart(first, second, digits=digits) == told


@pytest.mark.parametrize("tolerance", [0, 0.0, -1e-9, 1, float("nan")])
def test_a_tolerance_that_nothing_meets_is_refused(tolerance: float) -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"between 0 and 1 .*\n  do: "):
        prove(model, nn.MSELoss(), optimizer, line_data(), tolerance=tolerance)


# --- Functions that a model keeps -----------------------------------------------------------------


class Keeps(nn.Module):
    """Computes through a function that reaches its own layer, held in one way or another."""

    def __init__(self, hold: Callable[[nn.Module], Any], take: Callable[[Any], Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)
        self.held, self.take = hold(self.layer), take

    def forward(self, x: Tensor) -> Tensor:
        return self.take(self.held)(x)


def deep_fold(layer: nn.Module) -> Any:
    def fold(x: Tensor, times: int = 2) -> Tensor:
        return layer(x) if times == 0 else fold(x, times - 1)

    return fold


def by_keyword(layer: nn.Module) -> Any:
    def call(x: Tensor, *, one: nn.Module = layer, scale: float = 0.5) -> Tensor:
        return one(x) * scale

    return call


def keeps_its_options(layer: nn.Module) -> Any:
    def call(x: Tensor, *, scale: float = 0.5) -> Tensor:
        return layer(x) * scale

    return call


HELD: dict[str, tuple[Callable[[nn.Module], Any], Callable[[Any], Any]]] = {
    "list": (lambda layer: [lambda x: layer(x)], lambda held: held[0]),  # pyright: ignore
    "tuple in dict": (
        lambda layer: {"a": (1, lambda x: layer(x))},  # pyright: ignore
        lambda held: held["a"][1],
    ),
    "partial": (
        lambda layer: functools.partial(lambda scale, x: layer(x) * scale, 0.5),  # pyright: ignore
        lambda held: held,
    ),
    "default": (lambda layer: lambda x, one=layer: one(x), lambda held: held),  # pyright: ignore
    "keyword": (by_keyword, lambda held: held),
    "keyword beside": (keeps_its_options, lambda held: held),
    "itself": (deep_fold, lambda held: held),
    "list in closure": (
        lambda layer: (lambda layers: lambda x: layers[0](x))([layer]),  # pyright: ignore
        lambda held: held,
    ),
}


@pytest.mark.parametrize("name", HELD)
def test_functions_are_copied_with_the_model_however_they_are_held(name: str) -> None:
    model = Keeps(*HELD[name])
    held = model.held
    proof = proof_of(model, line_data(), only=WHOLE)
    assert proof.holds, str(proof)
    assert model.held is held
    assert model.layer.weight.grad is None


def test_nothing_of_a_proof_is_heard() -> None:
    model, (x, y) = nn.Linear(3, 1), line_data()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def go(count: int) -> None:
        for _ in range(count):
            loss = nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    with listen() as doctor:
        go(30)
        prove(model, nn.MSELoss(), optimizer, (x, y), only=WHOLE)
        go(30)
    assert doctor.record.length == 60
    assert doctor.report().findings == []
