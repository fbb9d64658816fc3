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


def phases(
    layer: nn.Module, *, switch: bool = False, mode: bool = True, epochs: int = 20
) -> Callable[[], None]:
    """Training and validation by one body of the loop; gradients are never switched on.

    Args:
        layer: acts differently in train and in eval mode.
        switch: gradients are on in training, as they should be.
        mode: the model is set to eval for the validation.
    """

    def loop() -> None:
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), layer, nn.Linear(8, 3))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        x = torch.randn(96, 4)
        parts = {"train": x[:64], "val": x[64:]}
        for _ in range(epochs):
            for phase, rows in parts.items():
                model.train(phase == "train" or not mode)
                for inputs in rows.split(16):
                    labels = inputs[:, :3].argmax(1)
                    with torch.set_grad_enabled(phase == ("train" if switch else "training")):
                        loss = F.cross_entropy(outputs := model(inputs), labels)
                    if phase == "train":
                        optimizer.zero_grad()
                        loss.requires_grad_().backward()
                        optimizer.step()
                    (outputs.argmax(1) == labels).sum().item()

    return loop


@pytest.mark.parametrize("layer", [nn.Dropout(0.2), nn.BatchNorm1d(8)], ids=["dropout", "norm"])
@pytest.mark.parametrize("epochs", [3, 40])
def test_training_with_gradients_off_is_no_evaluation(layer: nn.Module, epochs: int) -> None:
    (finding,) = watch(phases(layer, epochs=epochs)).findings
    assert finding.rule == NAME
    assert [one.rule for one in finding.consequences] == ["detached-loss"]


def test_an_evaluation_in_train_mode_is_named_beside_it() -> None:
    found = names(phases(nn.Dropout(0.2), mode=False))
    assert sorted(found) == [NAME, "train-mode-evaluation"]


def test_an_evaluation_in_train_mode_is_named_without_it() -> None:
    assert names(phases(nn.Dropout(0.2), switch=True, mode=False)) == ["train-mode-evaluation"]


@pytest.mark.parametrize("layer", [nn.Dropout(0.2), nn.BatchNorm1d(8), nn.Tanh()])
def test_both_phases_as_they_should_be_are_silent(layer: nn.Module) -> None:
    assert not names(phases(layer, switch=True))
