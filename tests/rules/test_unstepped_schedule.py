"""A schedule that nothing steps is named where it was made; one whose step is still to come is not."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset
from watching import names, watch


def epochs(optimizer: torch.optim.Optimizer, model: nn.Module, count: int) -> None:
    for _ in range(count):
        for batch in torch.randn(48, 4).split(8):
            optimizer.zero_grad()
            (model(batch) - batch[:, :1]).square().mean().backward()
            optimizer.step()


def start(kind: str = "SGD") -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.set_num_threads(1)
    model = nn.Linear(4, 1)
    return model, getattr(torch.optim, kind)(model.parameters(), lr=0.01)


def cosine() -> None:
    model, optimizer = start()
    schedule = lr_scheduler.CosineAnnealingLR(optimizer, T_max=3)
    epochs(optimizer, model, 3)
    assert schedule


def plateau() -> None:
    model, optimizer = start("Adam")
    schedule = lr_scheduler.ReduceLROnPlateau(optimizer, patience=2)
    epochs(optimizer, model, 4)
    assert schedule


def nobody() -> None:
    model, optimizer = start("AdamW")
    decay = lr_scheduler.MultiStepLR(optimizer, [2, 4])
    epochs(optimizer, model, 6)
    assert decay  # decay.step()


def warm_up() -> None:
    model, optimizer = start("RMSprop")
    warm: lr_scheduler.LambdaLR = lr_scheduler.LambdaLR(
        optimizer, lambda at: min(1.0, (at + 1) / 10)
    )
    epochs(optimizer, model, 2)
    assert warm


def later() -> None:
    model, optimizer = start()
    slow = lr_scheduler.StepLR(optimizer, 30)
    for epoch in range(4):
        epochs(optimizer, model, 1)
        if epoch > 100:
            slow.step()


def pair() -> tuple[nn.Module, nn.Module, torch.optim.Optimizer, torch.optim.Optimizer]:
    (first, one), (second, two) = start(), start("Adam")
    return first, second, one, two


def only_one_of_two() -> None:
    first, second, one, two = pair()
    fall_one = lr_scheduler.ExponentialLR(one, 0.9)
    fall_two = lr_scheduler.ExponentialLR(two, 0.9)
    for _ in range(3):
        epochs(one, first, 1)
        epochs(two, second, 1)
        fall_two.step()
    assert fall_one


def second_of_two_starts_later() -> None:
    first, second, one, two = pair()
    fall_one = lr_scheduler.ExponentialLR(one, 0.9)
    fall_two = lr_scheduler.ExponentialLR(two, 0.9)
    for epoch in range(3):
        epochs(one, first, 1)
        epochs(two, second, 1)
        fall_two.step()
        if epoch > 5:
            fall_one.step()


def under_one_name() -> None:
    def train(optimizer: torch.optim.Optimizer, model: nn.Module, begin: int) -> None:
        fall = lr_scheduler.ExponentialLR(optimizer, 0.9)
        for epoch in range(3):
            epochs(optimizer, model, 1)
            if epoch >= begin:
                fall.step()

    first, second, one, two = pair()
    train(one, first, 0)
    train(two, second, 5)


class Trainer:
    def __init__(self) -> None:
        self.model, self.optimizer = start()
        self.annealing = lr_scheduler.ExponentialLR(self.optimizer, 0.9)

    def epoch_ends(self) -> None:
        self.annealing.step()


def class_that_never_got_there() -> None:
    trainer = Trainer()
    epochs(trainer.optimizer, trainer.model, 3)


def chained() -> None:
    model, optimizer = start()
    parts = [
        lr_scheduler.LinearLR(optimizer, total_iters=2),
        lr_scheduler.ExponentialLR(optimizer, 0.9),
    ]
    both = lr_scheduler.SequentialLR(optimizer, parts, milestones=[2])
    for _ in range(4):
        epochs(optimizer, model, 1)
        both.step()


def first_epoch_only() -> None:
    model, optimizer = start()
    unused = lr_scheduler.StepLR(optimizer, 1)
    loader = DataLoader(TensorDataset(torch.randn(400, 4)), batch_size=8)
    for place, (batch,) in enumerate(loader):
        optimizer.zero_grad()
        (model(batch) - batch[:, :1]).square().mean().backward()
        optimizer.step()
        if place == 20:
            break
    assert unused


@pytest.mark.parametrize("loop", [cosine, plateau, nobody, warm_up, only_one_of_two])
def test_a_schedule_that_nothing_steps_is_named_where_it_is_made(loop: object) -> None:
    assert callable(loop)
    (finding,) = watch(loop).findings
    assert finding.rule == "unstepped-schedule"
    assert "never stepped in" in finding.message
    assert finding.site is not None
    assert finding.site.function == getattr(loop, "__name__", "")


SILENT = [
    later,
    second_of_two_starts_later,
    under_one_name,
    class_that_never_got_there,
    chained,
    first_epoch_only,
]


@pytest.mark.parametrize("loop", SILENT)
def test_a_schedule_whose_step_is_written_or_still_to_come_is_silent(loop: object) -> None:
    assert callable(loop)
    assert names(loop) == []
