"""Learning by heart is named from the best epoch on; a best epoch that is kept is not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, TensorDataset
from watching import names, watch


def train(
    *, kind: str = "Adam", rate: float = 0.01, epochs: int = 14, loss: Any = None, noise: float = 3.0,
    keep: bool = False, rows: int = 32, loaders: bool = False, mode: str = "no_grad",
) -> None:  # fmt: skip
    torch.set_num_threads(1)
    loss = loss or nn.CrossEntropyLoss()
    x = 2 * torch.randn(rows + 64, 20)
    y = (x[:, 0] + noise * torch.randn(len(x)) > 0).long()
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 2))
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=rate)
    training: Any = [(x[:rows], y[:rows])] * 6
    validation: Any = [(x[rows:], y[rows:])]
    if loaders:
        training = DataLoader(TensorDataset(x[:rows], y[:rows]), 8, shuffle=True)
        validation = DataLoader(TensorDataset(x[rows:], y[rows:]), 16)
    best = float("inf")
    for _ in range(epochs):
        model.train()
        for inputs, targets in training:
            optimizer.zero_grad()
            loss(model(inputs), targets).backward()
            optimizer.step()
        model.eval()
        total = 0.0
        with torch.inference_mode() if mode == "inference" else torch.no_grad():
            for inputs, targets in validation:
                total += loss(model(inputs), targets).item()
        if keep and total < best:
            best, state = total, copy.deepcopy(model.state_dict())
            torch.save(state, "/dev/null")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"loaders": True, "epochs": 24},
        {"kind": "SGD", "rate": 0.3, "epochs": 20},
        {"loss": nn.CrossEntropyLoss(label_smoothing=0.01), "mode": "inference"},
        {"kind": "AdamW", "rate": 0.003, "rows": 20, "epochs": 30},
    ],
)
def test_learning_by_heart_is_named(options: dict[str, Any]) -> None:
    (finding,) = watch(lambda: train(**options)).findings
    assert finding.rule == "overfitting"
    assert "validation loss rises" in finding.message
    assert float(finding.evidence["last_validation_loss"]) > float(
        finding.evidence["best_validation_loss"]
    )
    assert finding.site is not None
    assert finding.site.file == __file__


@pytest.mark.parametrize(
    "options",
    [
        {"keep": True},
        {"epochs": 5},
        {"noise": 0.0, "rows": 512, "rate": 0.003},
        {"rate": 1e-4},
        {"rows": 512, "kind": "SGD", "rate": 0.05},
    ],
)
def test_a_best_epoch_kept_or_not_yet_passed_is_silent(options: dict[str, Any]) -> None:
    assert "overfitting" not in names(lambda: train(**options))


def test_a_validation_loss_that_swings_is_silent() -> None:
    def swinging() -> None:
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
        for _ in range(12):
            for _ in range(5):
                x = torch.randn(16, 4)
                optimizer.zero_grad()
                fn.mse_loss(model(x), x[:, :1]).backward()
                optimizer.step()
            with torch.no_grad():
                x = torch.randn(4, 4)
                fn.mse_loss(model(x), x[:, :1] + torch.randn(4, 1))

    assert "overfitting" not in names(swinging)


def side_by_side() -> None:
    """One network learns by heart; the other's targets of evaluation are not those of its training."""
    torch.set_num_threads(1)
    x, y, unseen = torch.randn(24, 1), torch.randn(24, 1), torch.randn(60, 1)
    nets = [nn.Sequential(nn.Linear(1, 200), nn.Tanh(), nn.Linear(200, 1)), nn.Linear(1, 1)]
    optimizers = [torch.optim.Adam(net.parameters(), 0.01) for net in nets]
    loss_fn = nn.MSELoss()
    for at in range(200):
        losses = [loss_fn(nets[0](x), y), loss_fn(nets[1](x), y - 2)]
        for optimizer in optimizers:
            optimizer.zero_grad()
        losses[0].backward()
        losses[1].backward()
        for optimizer in optimizers:
            optimizer.step()
        if at % 10 == 0:
            with torch.no_grad():
                loss_fn(nets[1](unseen), torch.zeros(60, 1))


def test_no_model_is_judged_by_the_training_of_another() -> None:
    assert names(side_by_side) == []
