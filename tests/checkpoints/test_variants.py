"""Optimizers and schedules that the code has not seen by name: fifteen and nineteen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn, optim
from torch.optim import lr_scheduler as schedules

import fivestep
from checkpoints.resumed import Made, equal, stopped, trained
from fivestep import Checkpoint


def every_update(folder: Path) -> Checkpoint:
    return Checkpoint(folder, every="1 update")


def data() -> Any:
    inputs = torch.randn(18, 4, generator=torch.Generator().manual_seed(1))
    return inputs, inputs.sum(1, keepdim=True)


def network(dtype: torch.dtype = torch.float32) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.2), nn.Linear(4, 1)).to(dtype)


OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True),
    "Adam": lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
    "AdamW": lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "Adamax": lambda p: optim.Adamax(p, lr=0.01),
    "NAdam": lambda p: optim.NAdam(p, lr=0.01),
    "RAdam": lambda p: optim.RAdam(p, lr=0.01),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.01, lr_decay=0.1),
    "Adadelta": lambda p: optim.Adadelta(p),
    "Adafactor": lambda p: optim.Adafactor(p),
    "ASGD": lambda p: optim.ASGD(p, t0=2),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "Rprop": lambda p: optim.Rprop(p, lr=0.01),
    "LBFGS": lambda p: optim.LBFGS(p, lr=0.1, max_iter=4, history_size=3),
    "LBFGS with line search": lambda p: optim.LBFGS(
        p, max_iter=4, line_search_fn="strong_wolfe"
    ),
    "AdamW fused": lambda p: optim.AdamW(p, lr=0.01, fused=True),
    "Adam for each": lambda p: optim.Adam(p, lr=0.01, foreach=True),
    "several": lambda p: fivestep.together(
        {"first": optim.Adam(p[:2], lr=0.01), "rest": optim.SGD(p[2:], lr=0.1, momentum=0.9)}
    ),
    "groups": lambda p: optim.AdamW([{"params": p[:1], "lr": 0.1}, {"params": p[1:]}]),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_on(name: str, tmp_path: Path) -> None:
    def made() -> Made:
        model = network()
        optimizer = OPTIMIZERS[name](list(model.parameters()))
        options = {"train": data(), "epochs": 2, "batch_size": 5, "saves": every_update}
        return model, nn.MSELoss(), optimizer, options

    through(made, tmp_path)


def through(made: Callable[[], Made], folder: Path, stops: tuple[int, ...] = (1, 3, 6)) -> None:
    whole = trained(made, folder / "whole")
    for at in stops:
        assert stopped(made, folder / f"at {at}", at)
        equal(trained(made, folder / f"at {at}"), whole)


SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "LambdaLR": lambda o: schedules.LambdaLR(o, lambda step: 0.9**step),
    "MultiplicativeLR": lambda o: schedules.MultiplicativeLR(o, lambda step: 0.9),
    "StepLR": lambda o: schedules.StepLR(o, 2),
    "MultiStepLR": lambda o: schedules.MultiStepLR(o, [2, 3, 5]),
    "ConstantLR": lambda o: schedules.ConstantLR(o, total_iters=3),
    "LinearLR": lambda o: schedules.LinearLR(o, total_iters=3),
    "ExponentialLR": lambda o: schedules.ExponentialLR(o, 0.8),
    "PolynomialLR": lambda o: schedules.PolynomialLR(o, 5, power=2),
    "CosineAnnealingLR": lambda o: schedules.CosineAnnealingLR(o, 4),
    "CosineAnnealingWarmRestarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, 3),
    "CyclicLR": lambda o: schedules.CyclicLR(o, 0.001, 0.1, 2, mode="triangular2"),
    "CyclicLR exp_range": lambda o: schedules.CyclicLR(o, 0.001, 0.1, 2, mode="exp_range"),
    "OneCycleLR": lambda o: schedules.OneCycleLR(o, 0.1, total_steps=8),
    "ChainedScheduler": lambda o: schedules.ChainedScheduler(
        [schedules.ConstantLR(o, total_iters=3), schedules.ExponentialLR(o, 0.9)]
    ),
    "SequentialLR": lambda o: schedules.SequentialLR(
        o, [schedules.LinearLR(o, total_iters=3), schedules.CosineAnnealingLR(o, 4)], [3]
    ),
    "ReduceLROnPlateau": lambda o: schedules.ReduceLROnPlateau(o, patience=0, threshold=0.5),
    "SWALR": lambda o: optim.swa_utils.SWALR(o, swa_lr=0.001, anneal_epochs=3),
    "cosine": lambda o: fivestep.cosine(warmup="2 updates"),
    "linear": lambda o: fivestep.linear(),
    "constant": lambda o: fivestep.constant(warmup="3 updates"),
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("every", ["update", "epoch"])
def test_every_schedule_goes_on(name: str, every: str, tmp_path: Path) -> None:
    plateau = name == "ReduceLROnPlateau"
    if every == "epoch" and name in ("cosine", "linear", "constant"):
        pytest.skip("they move with the updates")

    def made() -> Made:
        model = network()
        optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        options = {
            "train": data(), "epochs": 2, "batch_size": 5, "saves": every_update,
            "schedule": SCHEDULES[name](optimizer), "log_every": "1 update",
            "validate": data() if plateau else None,
        }  # fmt: skip
        if not plateau:
            options["schedule_every"] = every
        return model, nn.MSELoss(), optimizer, options

    through(made, tmp_path)


class Master(optim.Optimizer):
    """bfloat16 weights with a state, and a master copy, in float32."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    def step(self, closure: Any = None) -> None:  # pyright: ignore
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state.update(master=p.detach().float(), moment=torch.zeros(p.shape), count=0)
                state["count"] += 1
                state["moment"].mul_(0.9).add_(p.grad.float())
                state["master"].sub_(state["moment"], alpha=group["lr"])
                with torch.no_grad():
                    p.copy_(state["master"])


def test_a_float32_state_of_bfloat16_weights_keeps_its_type(tmp_path: Path) -> None:
    def made() -> Made:
        model = network(torch.bfloat16)
        inputs, targets = data()
        options = {
            "train": (inputs.bfloat16(), targets.bfloat16()),
            "epochs": 2, "batch_size": 5, "saves": every_update,
        }  # fmt: skip
        return model, nn.MSELoss(), Master(model.parameters(), 0.01), options

    assert stopped(made, tmp_path / "types", 3)
    model, loss, optimizer, options = made()
    fivestep.fit(
        model, loss, optimizer, options.pop("train"), epochs=2, batch_size=5,
        checkpoint=tmp_path / "types", progress=False, watch=False,
    )  # fmt: skip
    kinds = {value.dtype for state in optimizer.state.values() for value in state.values()
             if isinstance(value, torch.Tensor)}  # fmt: skip
    assert kinds == {torch.float32}
    through(made, tmp_path)


def test_moments_follow_the_names_not_the_positions(tmp_path: Path) -> None:
    def made(*, turned: bool) -> Made:
        model = network()
        parameters = list(model.parameters())
        optimizer = optim.Adam(parameters[::-1] if turned else parameters, lr=0.01)
        options = {"train": data(), "epochs": 2, "batch_size": 5, "saves": every_update}
        return model, nn.MSELoss(), optimizer, options

    whole = trained(lambda: made(turned=False), tmp_path / "whole")
    assert stopped(lambda: made(turned=False), tmp_path / "turned", 5)
    weights = trained(lambda: made(turned=True), tmp_path / "turned").weights
    for name, value in whole.weights.items():
        assert torch.equal(weights[name], value), name
