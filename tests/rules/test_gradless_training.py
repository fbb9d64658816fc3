"""gradless-training: gradients off around the forward, or inside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from watching import names, watch

NAME = "gradless-training"


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(4, 8), nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).relu())


class Decorated(Net):
    @torch.no_grad()
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)


class InferenceInside(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            y = super().forward(x)
        return y * 2


class CutPrediction(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).detach()


class FrozenBody(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            h = self.body(x)
        return self.head(h.relu())


def run(model: nn.Module, *, force: bool = True, updates: int = 6) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(updates):
        x = torch.randn(16, 4)
        loss = F.mse_loss(model(x), x[:, :1])
        if force:
            loss.requires_grad_(True)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def around() -> None:
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(6):
        x = torch.randn(16, 4)
        with torch.no_grad():
            y = model(x)
        loss = F.mse_loss(y, x[:, :1]).requires_grad_()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


SICK: dict[str, tuple[Callable[[], None], str]] = {
    "around": (around, "off"),
    "decorated": (lambda: run(Decorated()), "off inside"),
    "inference-inside": (lambda: run(InferenceInside()), "off inside"),
}


@pytest.mark.parametrize("name", SICK)
def test_gradients_off_are_named(name: str) -> None:
    loop, mode = SICK[name]
    (finding,) = watch(loop).findings
    assert finding.rule == NAME
    assert finding.evidence["grad_mode"] == mode
    assert finding.count == 6
    assert [one.rule for one in finding.consequences] == ["detached-loss"]


def test_crash_is_told_with_the_line_of_the_forward() -> None:
    def loop() -> None:
        with pytest.raises(RuntimeError, match="does not require grad"):
            run(Decorated(), force=False)

    (finding,) = watch(loop).findings
    assert finding.rule == NAME
    assert finding.site is not None
    assert finding.site.function == "run"


def test_prediction_cut_after_the_layers_is_another_fault() -> None:
    assert names(lambda: run(CutPrediction())) == ["detached-loss"]


def saliency() -> None:
    """The gradient is wanted for the input, and the layers are only asked."""
    model = Decorated()
    for _ in range(6):
        x = torch.randn(16, 4, requires_grad=True)
        (model(x.detach()) * x).sum().backward()


def target_network() -> None:
    """A network that answers under no_grad inside, and another one that learns from it."""
    teacher, student = Decorated(), Net()
    optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
    for _ in range(6):
        x = torch.randn(16, 4)
        target = teacher(x)
        loss = F.mse_loss(student(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


HEALTHY: dict[str, Callable[[], None]] = {
    "frozen-body": lambda: run(FrozenBody(), force=False),
    "saliency": saliency,
    "target-network": target_network,
}


@pytest.mark.parametrize("loop", HEALTHY.values(), ids=HEALTHY)
def test_gradients_off_on_purpose_are_left_alone(loop: Callable[[], None]) -> None:
    assert NAME not in names(loop)
