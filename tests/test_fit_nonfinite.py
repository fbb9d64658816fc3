"""NaN and inf: the run stops before the update, and all is as it was before the iteration."""

# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import math
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from by_hand import assert_same, closure_loop, plain_loop
from torch import nn
from torch.nn import functional
from torch.optim import lr_scheduler

from fivestep import NonFiniteError, Run, fit

NAN, INF = math.nan, math.inf
X = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))
Y = torch.randn(40, 2, generator=torch.Generator().manual_seed(2))


def network(*, dropout: float = 0.0) -> Any:
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(dropout), nn.Linear(8, 2))


def batches(bad: dict[int, float], *, where: str = "inputs", count: int = 6) -> list[Any]:
    """Make batches of five, with one value spoilt in some of them."""
    made: list[Any] = []
    for number in range(1, count + 1):
        part = slice(5 * number - 5, 5 * number)
        x, y = X[part].clone(), Y[part].clone()
        if number in bad:
            (x if where == "inputs" else y)[2, 1] = bad[number]
        made.append((x, y))
    return made


OPTIMIZERS: dict[str, Any] = {
    "SGD": lambda m: torch.optim.SGD(m.parameters(), lr=0.05, momentum=0.9),
    "Adam": lambda m: torch.optim.Adam(m.parameters(), lr=0.01),
    "Adam, fused": lambda m: torch.optim.Adam(m.parameters(), lr=0.01, fused=True),
    "LBFGS": lambda m: torch.optim.LBFGS(m.parameters(), lr=0.1, max_iter=4),
}


def by_hand(name: str, data: list[Any], model: Any = None) -> list[Any]:
    model = model or network()
    optimizer = OPTIMIZERS[name](model)
    loop = closure_loop if name == "LBFGS" else plain_loop
    loop(model, functional.mse_loss, optimizer, data)
    return [dict(model.state_dict()), optimizer.state_dict()]


def by_fit(name: str, data: Any, **options: Any) -> tuple[list[Any], Run, Any]:
    model = network()
    optimizer = OPTIMIZERS[name](model)
    options = {"epochs": 1, "progress": False} | options
    run = fit(model, functional.mse_loss, optimizer, data, **options)
    return [dict(model.state_dict()), optimizer.state_dict()], run, model


# --- Stop ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [NAN, INF, -INF], ids=str)
@pytest.mark.parametrize("where", ["inputs", "targets"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_stop_leaves_everything_as_before_the_iteration(
    name: str, where: str, value: float
) -> None:
    data = batches({4: value}, where=where)
    found, run, model = by_fit(name, data)
    assert_same(found, by_hand(name, data[:3]))
    assert run.reason == "nonfinite"
    assert run.message.startswith("iteration 4 (epoch 1) has loss ")
    assert f"first found: {where}[2, 1] is {value}\n  do: drop or fill" in run.message
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_in_the_first_iteration_and_in_a_later_epoch(name: str) -> None:
    data = batches({1: NAN})
    before = network()
    found, run, _ = by_fit(name, data)
    assert_same(found[0], dict(before.state_dict()))
    assert_same(found[1], OPTIMIZERS[name](before).state_dict())
    assert "iteration 1 (epoch 1)" in run.message
    calls: list[Any] = []

    class Later:
        def __iter__(self) -> Any:
            calls.append(None)
            return iter(batches({2: NAN} if len(calls) == 3 else {}))

    found, run, _ = by_fit(name, Later(), epochs=5)
    assert_same(found, by_hand(name, [*batches({}), *batches({}), *batches({})[:1]]))
    assert "iteration 14 (epoch 3)" in run.message


def test_the_history_holds_the_value_itself(tmp_path: Path) -> None:
    for value, expected in ((NAN, "nan"), (INF, "inf")):
        path = tmp_path / f"{expected}.jsonl"
        _, run, _ = by_fit("SGD", batches({3: value}, where="targets"), record=path)
        for read in (run, Run.load(path)):
            last = read.history[-1]
            assert last["when"] == "nonfinite"
            assert (last["iteration"], last["update"], last["epoch"]) == (3, 2, 1)
            assert type(last["loss"]) is float
            assert str(last["loss"]) == expected
            assert read.reason == "nonfinite"
        assert "NaN" in path.read_text() or "Infinity" in path.read_text()


def test_dropouts_random_numbers_do_not_matter() -> None:
    model, data = network(dropout=0.4), batches({4: NAN})
    optimizer = OPTIMIZERS["SGD"](model)
    twin = deepcopy(model)
    fit(model, functional.mse_loss, optimizer, data, epochs=1, seed=3, progress=False)
    torch.manual_seed(3)
    found = by_hand("SGD", data[:3], twin)
    assert_same(dict(model.state_dict()), found[0])


def test_the_run_is_usable_and_can_be_gone_on_with() -> None:
    data = batches({4: NAN})
    model = network()
    optimizer = OPTIMIZERS["Adam"](model)
    fit(model, functional.mse_loss, optimizer, data, epochs=1, progress=False)
    fit(model, functional.mse_loss, optimizer, data[4:], epochs=1, progress=False)
    expected = by_hand("Adam", [*data[:3], *data[4:]])
    assert_same([dict(model.state_dict()), optimizer.state_dict()], expected)


# --- Raise -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_raise(name: str, tmp_path: Path) -> None:
    data, model = batches({4: INF}), network()
    optimizer = OPTIMIZERS[name](model)
    with pytest.raises(NonFiniteError, match=r"iteration 4 \(epoch 1\).*inputs\[2, 1\] is inf"):
        fit(
            model, functional.mse_loss, optimizer, data, epochs=1, nonfinite="raise",
            progress=False, record=tmp_path / "run.jsonl",
        )  # fmt: skip
    assert_same([dict(model.state_dict()), optimizer.state_dict()], by_hand(name, data[:3]))
    read = Run.load(tmp_path / "run.jsonl")
    assert read.reason == "failed"
    assert read.message.startswith("NonFiniteError: iteration 4")
    assert issubclass(NonFiniteError, FloatingPointError)


# --- Skip ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [{1: NAN}, {4: INF}, {6: NAN}, {2: NAN, 3: INF, 5: NAN}], ids=str)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_skip_equals_a_loop_that_left_that_batch_out(name: str, bad: dict[int, float]) -> None:
    data = batches(bad)
    found, run, _ = by_fit(name, data, nonfinite="skip")
    good = [batch for number, batch in enumerate(data, start=1) if number not in bad]
    assert_same(found, by_hand(name, good))
    assert run.reason == "finished"
    last = run.epochs[-1]
    assert (last["iteration"], last["update"], last["skipped"]) == (6, 6 - len(bad), len(bad))
    assert math.isfinite(last["loss"])
    assert [r["iteration"] for r in run.history if r["when"] == "nonfinite"] == list(bad)


def test_skip_steps_a_schedule_only_for_updates() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    fit(
        model, functional.mse_loss, optimizer, batches({2: NAN, 5: NAN}), epochs=1,
        nonfinite="skip", schedule=lr_scheduler.ExponentialLR(optimizer, 0.5),
        schedule_every="update", progress=False,
    )  # fmt: skip
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * 0.5**4)


def test_an_epoch_of_nothing_but_skips_ends_the_run() -> None:
    found, run, _ = by_fit(
        "SGD", batches(dict.fromkeys(range(1, 7), NAN)), nonfinite="skip", epochs=9
    )
    assert run.reason == "nonfinite"
    assert run.message == "all updates of epoch 1 had to be skipped"
    assert_same(found[0], dict(network().state_dict()))


# --- Where it comes from ---------------------------------------------------------------------


class Root(nn.Module):
    """The square root: 0 at 0, and its slope there is infinite."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 1))

    def forward(self, x: Any) -> Any:
        return (x @ self.weight).abs().sqrt()


def test_a_finite_loss_with_a_nan_gradient() -> None:
    model = Root()
    data = [(torch.ones(2, 3), torch.ones(2, 1)), (torch.zeros(2, 3), torch.ones(2, 1))]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    run = fit(model, functional.mse_loss, optimizer, data, epochs=1, progress=False)
    assert run.reason == "nonfinite"
    assert run.history[-1]["loss"] == 1.0
    assert math.isnan(run.history[-1]["gradient_norm"])
    assert "first found: gradient of weight[0, 0] is nan\n  do: look for sqrt" in run.message
    assert bool(model.weight.isfinite().all())


def test_a_logarithm_of_zero() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    run = fit(
        model, lambda p, t: p.log().mean(), torch.optim.SGD(model.parameters(), lr=1),
        (torch.ones(4, 1), torch.ones(4, 1)), epochs=1, progress=False,
    )  # fmt: skip
    assert run.reason == "nonfinite"
    assert "loss -inf" in run.message
    assert "first found: loss is -inf" in run.message
    assert model.weight.item() == 0


def test_a_weight_made_infinite_by_an_earlier_update_is_named() -> None:
    model = nn.Linear(1, 1, bias=False)
    run = fit(
        model, functional.mse_loss, torch.optim.SGD(model.parameters(), lr=1e38),
        (torch.full((4, 1), 100.0), torch.ones(4, 1)), epochs=3, progress=False,
    )  # fmt: skip
    assert run.reason == "nonfinite"


@pytest.mark.parametrize("scale", [1e20, 1e30, 3e38])
@pytest.mark.parametrize("rows", [1, 3])
def test_a_norm_that_overflows_from_finite_gradients_is_no_fault(rows: int, scale: float) -> None:
    model = nn.Linear(rows, 1, bias=False)
    run = fit(
        model, lambda p, t: (p * scale).sum() * 0.1, torch.optim.SGD(model.parameters(), lr=1e-38),
        (torch.ones(1, rows), torch.ones(1, 1)), epochs=1, progress=False,
    )  # fmt: skip
    assert run.reason == "finished", run.message
    expected = 0.1 * scale * math.sqrt(rows)
    assert run.history[-1]["gradient_norm"] == pytest.approx(expected, rel=1e-5)


def test_lbfgs_that_diverges_within_its_step() -> None:
    model = nn.Linear(1, 1, bias=False).double()
    nn.init.constant_(model.weight, 0.5)
    before = model.weight.detach().clone()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=1e80, max_iter=8)
    clean = deepcopy(optimizer.state_dict())
    x = torch.ones(4, 1, dtype=torch.float64)
    run = fit(model, lambda p, t: (p**4).mean(), optimizer, (x, x), epochs=1, progress=False)
    assert run.reason == "nonfinite"
    assert_same(model.weight.detach(), before)
    assert_same(optimizer.state_dict(), clean)


class Words(nn.Module):
    def __init__(self, *, sparse: bool) -> None:
        super().__init__()
        self.words = nn.Embedding(6, 2, sparse=sparse)
        nn.init.ones_(self.words.weight)

    def forward(self, x: Any) -> Any:
        return self.words(x).sum(1)


@pytest.mark.parametrize("bad", [NAN, INF])
def test_sparse_gradients(bad: float) -> None:
    index = torch.tensor([[1, 1, 2], [2, 1, 5]])  # words met twice: parts of a row that add up
    norms: list[float] = []
    for sparse in (True, False):
        model = Words(sparse=sparse)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        targets = torch.zeros(2, 2)
        good, spoilt = (index, targets), (index, torch.full((2, 2), bad))
        run = fit(model, functional.mse_loss, optimizer, [good, spoilt], epochs=1, progress=False)
        assert run.reason == "nonfinite"
        assert bool(model.words.weight.isfinite().all())
        run = fit(model, functional.mse_loss, optimizer, [good], epochs=1, progress=False)
        norms.append(run.history[-1]["gradient_norm"])
    assert norms[0] == pytest.approx(norms[1], rel=1e-6)


def test_a_nan_in_a_sparse_gradient_alone() -> None:
    model = Words(sparse=True)
    model.words.weight.register_hook(lambda grad: grad * NAN)
    run = fit(
        model, functional.mse_loss, torch.optim.SGD(model.parameters(), lr=0.1),
        [(torch.tensor([[1, 2]]), torch.zeros(1, 2))], epochs=1, progress=False,
    )  # fmt: skip
    assert run.reason == "nonfinite"
    assert "gradient of words.weight" in run.message
    assert bool((model.words.weight == 1).all())


def test_parameters_without_gradients() -> None:
    model: Any = nn.ModuleDict({"used": nn.Linear(3, 2), "unused": nn.Linear(3, 2)})
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)

    class Part(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.all = model

        def forward(self, x: Any) -> Any:
            return self.all["used"](x)

    run = fit(Part(), functional.mse_loss, optimizer, batches({3: NAN}), epochs=1, progress=False)
    assert run.reason == "nonfinite"
    assert model["unused"].weight.grad is None
    assert run.history[-1]["iteration"] == 3


def test_complex_gradients() -> None:
    class Complex(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3, 2, dtype=torch.complex64))

        def forward(self, x: Any) -> Any:
            return (x.to(torch.complex64) @ self.weight).abs()

    model = Complex()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    zero = (torch.zeros(2, 3), torch.ones(2, 2))
    model.weight.register_hook(lambda grad: grad * complex(NAN, 1) if not grad.any() else grad)
    data = [*batches({}), zero]
    run = fit(model, functional.mse_loss, optimizer, data, epochs=1, progress=False)
    assert run.reason == "nonfinite"
    assert "gradient of weight[0, 0] is" in run.message
    assert bool(model.weight.isfinite().all())


class Writes(nn.Module):
    """Keeps statistics in buffers, each written in another of the ways that people write them."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.in_place: Any
        self.anew: Any
        self.absent: Any
        self.hidden: Any
        self.register_buffer("in_place", torch.zeros(()))
        self.register_buffer("anew", torch.zeros(()))
        self.register_buffer("hidden", torch.zeros(()), persistent=False)
        self.register_buffer("absent", None)

    def forward(self, x: Any) -> Any:
        self.in_place += x.detach().sum()
        self.anew = self.anew + x.detach().sum()
        self.hidden.data.copy_(self.anew)  # raises no version counter; BatchNorm does so too
        return self.layer(x)


def test_buffers_written_in_every_way() -> None:
    data, model = batches({4: NAN}), Writes()
    kept = model.in_place
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    fit(model, functional.mse_loss, optimizer, data, epochs=1, progress=False)
    expected = torch.zeros(())
    for x, _ in data[:3]:
        expected += x.sum()
    assert_same(model.in_place, expected)
    assert_same(model.anew, expected)
    assert_same(model.hidden, expected)
    assert model.absent is None
    assert model.in_place is kept


def test_validation_between_the_updates_does_not_disturb_the_way_back() -> None:
    data = batches({4: NAN})
    found, run, _ = by_fit("SGD", data, validate=(X, Y), validate_every=1)
    assert_same(found, by_hand("SGD", data[:3]))
    assert len([r for r in run.history if "validation_loss" in r]) == 3


def test_a_rate_set_by_a_plateau_survives_the_way_back() -> None:
    """LBFGS is put back from a copy of its state, which holds the rate as well."""
    model = network()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=2)
    values = iter([1.0, 2.0, 3.0])
    run = fit(
        model, functional.mse_loss, optimizer, batches({4: NAN}), epochs=1, validate=(X, Y),
        validate_every=1, metrics={"v": lambda *_: next(values)}, monitor="validation_v",
        mode="min", progress=False,
        schedule=lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, factor=0.5),
    )  # fmt: skip
    assert run.reason == "nonfinite"
    assert optimizer.param_groups[0]["lr"] == 0.05


def test_the_best_weights_are_those_before_it() -> None:
    _, run, _ = by_fit("SGD", batches({4: NAN}), validate=(X, Y), validate_every=2)
    assert run.best is not None
    assert run.best["update"] == 2
    assert run.best_weights is not None
    assert all(bool(torch.isfinite(v).all()) for v in run.best_weights.values())
