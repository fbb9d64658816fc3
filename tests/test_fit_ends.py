"""The ends of epochs and runs: each is what the words of the option promise."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

from fivestep.attach.schedule import cosine
from fivestep.durations import Duration, Every
from fivestep.fit import fit

quiet = partial(fit, progress=False, watch=False)


def a_model() -> tuple[nn.Module, torch.optim.Optimizer, Any]:
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    return (
        model,
        torch.optim.SGD(model.parameters(), lr=0.1),
        (torch.randn(8, 2), torch.randn(8, 1)),
    )


def test_a_shape_moves_by_epoch() -> None:
    """``schedule_every="epoch"`` is a duration like every other, for a shape, too."""
    model, optimizer, data = a_model()
    run = quiet(model, nn.MSELoss(), optimizer, data, epochs=2, batch_size=4, schedule=cosine(),
                schedule_every="epoch")  # fmt: skip
    assert [record["learning_rate"] for record in run.epochs] == [0.1, 0.05]


def test_the_last_epoch_of_a_length_in_updates_is_over() -> None:
    """Four updates are two epochs of two: both are due a validation and a step."""
    model, optimizer, data = a_model()
    run = quiet(model, nn.MSELoss(), optimizer, data, length="4 updates", batch_size=4,
                validate=data, validate_every="1 epoch")  # fmt: skip
    assert ["validation_loss" in record for record in run.history] == [True, True]


def test_the_schedule_moves_at_the_end_of_that_epoch() -> None:
    rates: list[float] = []
    for length in ("2 epochs", "4 updates", "4 iterations"):
        model, optimizer, data = a_model()
        schedule = StepLR(optimizer, 1, gamma=0.5)
        quiet(model, nn.MSELoss(), optimizer, data, batch_size=4, schedule=schedule,
              length=length)  # fmt: skip
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == [0.025] * 3


def test_iterations_are_due_with_the_first_update_after_them() -> None:
    """Asked at updates of four iterations, three are over at the first of them."""
    every = Every(Duration(3, "iteration"))
    asked = [every.due(iteration=4 * n, update=n, epoch=1) for n in range(1, 4)]
    assert asked == [True, True, True]
