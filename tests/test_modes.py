"""Train mode and eval mode: every single module is put back as its owner had it."""

# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivestep import evaluate, fit
from fivestep.modes import eval_mode, train_mode

X, Y = torch.randn(12, 3), torch.randn(12, 1)


class FreezesItsNorm(nn.Module):
    """Overrides ``train`` as the reference detectors do: its norm is frozen whatever is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.last = nn.BatchNorm1d(3), nn.Linear(3, 1)
        self.asked: list[bool] = []

    def train(self, mode: bool = True) -> FreezesItsNorm:
        super().train(mode)
        self.norm.eval()
        if hasattr(self, "asked"):
            self.asked.append(mode)
        return self

    def forward(self, x: Any) -> Any:
        return self.last(self.norm(x))


def network() -> Any:
    inner = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.BatchNorm1d(3))
    return nn.Sequential(inner, nn.Dropout(0.2), nn.Linear(3, 1))


def as_made() -> Any:
    return network()


def frozen_norm() -> Any:
    model = network()
    model[0][2].eval()
    return model


def dropout_on_in_eval() -> Any:
    model = network().eval()
    model[1].train()
    return model


def eval_root_alone() -> Any:
    model = network()
    model.training = False
    return model


def all_eval() -> Any:
    return network().eval()


def inner_eval() -> Any:
    model = network()
    model[0].eval()
    return model


def overriding() -> Any:
    return FreezesItsNorm().train()


STATES: list[Any] = [
    as_made, frozen_norm, dropout_on_in_eval, eval_root_alone, all_eval, inner_eval, overriding
]  # fmt: skip


def modes(model: Any) -> dict[str, bool]:
    return {name: module.training for name, module in model.named_modules()}


def sgd(model: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=0.01)


class UnhappyError(Exception):
    """Not one of torch's."""


@pytest.mark.parametrize("state", STATES, ids=lambda s: s.__name__)
def test_eval_mode_is_everywhere_and_undone(state: Any) -> None:
    model = state()
    before = modes(model)
    with eval_mode(model):
        assert set(modes(model).values()) == {False}
    assert modes(model) == before
    with pytest.raises(UnhappyError), eval_mode(model):
        raise UnhappyError
    assert modes(model) == before


@pytest.mark.parametrize("state", STATES, ids=lambda s: s.__name__)
def test_train_mode_leaves_a_model_in_train_mode_alone(state: Any) -> None:
    model = state()
    before = modes(model)
    with train_mode(model):
        inside = modes(model)
        assert inside[""]
        if before[""]:
            assert inside == before
        else:
            assert set(inside.values()) == {True}
    assert modes(model) == before
    with pytest.raises(UnhappyError), train_mode(model):
        raise UnhappyError
    assert modes(model) == before


@pytest.mark.parametrize("state", STATES, ids=lambda s: s.__name__)
def test_fit_and_evaluate_put_all_modes_back(state: Any) -> None:
    model = state()
    before = modes(model)
    evaluate(model, functional.mse_loss, (X, Y))
    assert modes(model) == before
    seen: list[dict[str, bool]] = []
    model.register_forward_pre_hook(lambda *_: seen.append(modes(model)))
    fit(
        model, functional.mse_loss, sgd(model), (X, Y), validate=(X, Y), epochs=2, batch_size=4,
        progress=False,
    )  # fmt: skip
    assert modes(model) == before
    training = [state for state in seen if state[""]]
    assert len(training) == 6
    assert all(state == training[0] for state in training)
    if before[""]:
        assert training[0] == before
    assert all(not any(state.values()) for state in seen if not state[""])


@pytest.mark.parametrize("where", ["training", "loss", "validation", "metric"])
@pytest.mark.parametrize("state", STATES, ids=lambda s: s.__name__)
def test_an_exception_puts_all_modes_back(state: Any, where: str) -> None:
    model = state()
    before = modes(model)
    calls = {"training": 0, "validation": 0}

    def watch(module: Any, *_: Any) -> None:
        kind = "training" if module.training else "validation"
        calls[kind] += 1
        if where == kind and calls[kind] == 3:  # past the rehearsal and the first epoch's first
            raise UnhappyError

    def loss_fn(prediction: Any, targets: Any) -> Any:
        if where == "loss" and calls["training"] == 2:
            raise UnhappyError
        return functional.mse_loss(prediction, targets)

    def metric(prediction: Any, targets: Any) -> float:
        if where == "metric":
            raise UnhappyError
        return 0.0

    model.register_forward_pre_hook(watch)
    with pytest.raises(UnhappyError):
        fit(
            model, loss_fn, sgd(model), (X, Y), validate=(X, Y), metrics=metric, epochs=3,
            batch_size=6, progress=False,
        )  # fmt: skip
    assert modes(model) == before


def test_a_module_that_overrides_train_is_asked_in_its_own_way() -> None:
    """More may hang on it than a flag: it is called, not gone around."""
    model = overriding()
    model.asked.clear()
    evaluate(model, functional.mse_loss, (X, Y))
    assert model.asked == [False, True]


def test_a_frozen_norm_stays_frozen_through_training() -> None:
    for model, norm in ((frozen := frozen_norm(), frozen[0][2]), (own := overriding(), own.norm)):
        before = norm.running_mean.clone(), norm.num_batches_tracked.clone()
        fit(model, functional.mse_loss, sgd(model), (X, Y), epochs=2, progress=False)
        assert torch.equal(norm.running_mean, before[0])
        assert torch.equal(norm.num_batches_tracked, before[1])


def test_a_plain_function_has_no_modes() -> None:
    weight = nn.Parameter(torch.zeros(3, 1))
    with eval_mode(lambda x: x @ weight), train_mode(lambda x: x @ weight):
        pass
