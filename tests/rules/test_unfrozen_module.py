"""A flag set on a module that trains all the same is named; a flag that harms nothing is not."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from watching import names, watch


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())
        self.head = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.backbone(x))


def train(prepare: Callable[[Any], Any], kind: str = "SGD", updates: int = 10) -> None:
    torch.set_num_threads(1)
    model = Net()
    parameters = prepare(model) or list(model.parameters())
    optimizer = getattr(torch.optim, kind)(parameters, lr=0.02)
    for _ in range(updates):
        x = torch.randn(16, 4)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long()).backward()
        optimizer.step()


def flag(module: Any) -> None:
    module.requires_grad = False


def children(model: Any) -> None:
    for child in model.backbone.children():
        child.requires_grad = False


def flag_and_freeze(model: Any) -> None:
    flag(model.backbone)
    model.backbone.requires_grad_(False)


def flag_and_leave_out(model: Any) -> Any:
    flag(model.backbone)
    return model.head.parameters()


def unfreeze(model: Any) -> None:
    model.backbone.requires_grad = True


def freeze_parameters(model: Any) -> None:
    for one in model.backbone.parameters():
        one.requires_grad = False


SICK: dict[str, Callable[[], None]] = {
    "backbone": lambda: train(lambda model: flag(model.backbone)),
    "head, few": lambda: train(lambda model: flag(model.head), "Adam", 4),
    "children": lambda: train(children, "AdamW"),
}


@pytest.mark.parametrize("case", SICK)
def test_a_flag_that_freezes_nothing_is_named(case: str) -> None:
    (finding,) = watch(SICK[case]).findings
    assert finding.rule == "unfrozen-module"
    assert "requires_grad_(False)`" in finding.fix
    assert "head" in finding.message if "head" in case else "backbone" in finding.message


@pytest.mark.parametrize(
    "prepare", [flag_and_freeze, flag_and_leave_out, unfreeze, freeze_parameters]
)
def test_what_is_frozen_or_was_not_to_be_is_silent(prepare: Callable[[Any], Any]) -> None:
    assert "unfrozen-module" not in names(lambda: train(prepare))


def by_name(model: Any) -> None:
    model.backbone.requires_grad = False


PROGRAM = """
import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
for number, layer in enumerate(model.children()):
    if number < 2:
        layer.requires_grad = False
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for _ in range(10):
    x = torch.randn(8, 4)
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x), x[:, :1]).backward()
    optimizer.step()
"""


def test_the_line_that_sets_the_flag_is_named() -> None:
    (finding,) = watch(lambda: train(by_name)).findings
    assert finding.site is not None
    assert finding.site.line == by_name.__code__.co_firstlineno + 1


def test_the_only_line_that_flags_a_child_is_named(tmp_path: Path) -> None:
    program = tmp_path / "finetune.py"
    program.write_text(PROGRAM)
    (finding,) = watch(lambda: runpy.run_path(str(program))).findings
    assert finding.site is not None
    assert "layer.requires_grad = False" in PROGRAM.splitlines()[finding.site.line - 1]


def test_the_call_is_named_where_the_line_cannot_be_told() -> None:
    (finding,) = watch(lambda: train(lambda model: flag(model.head))).findings
    assert finding.site is not None
    assert finding.site.function == "train"
