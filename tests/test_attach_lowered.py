"""A rate lowered for the length of an update: what others see of it, and what is left of it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from fivestep.attach.lowered import Lowered


class Seeing(torch.optim.SGD):
    """Tells the rates that it steps with; may move them itself, or fail."""

    def __init__(self, *args: Any, moves: float = 1.0, fails: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.moves, self.fails, self.seen = moves, fails, list[float]()

    def step(self, closure: Any = None) -> Any:
        self.seen.append(float(self.param_groups[0]["lr"]))
        if self.fails:
            raise RuntimeError("no")
        super().step(closure)  # runs the hooks once more
        self.param_groups[0]["lr"] *= self.moves


def optimizer(rate: Any = 0.7, **options: Any) -> tuple[Seeing, Lowered]:
    made = Seeing(nn.Linear(1, 1).parameters(), lr=rate, **options)
    lowered = Lowered(made)
    lowered.factor = 0.3
    return made, lowered


def test_the_update_sees_the_lowered_rate_and_all_others_the_one_that_was_set() -> None:
    made, lowered = optimizer()
    for _ in range(3):
        made.step()
        assert made.param_groups[0]["lr"] == 0.7  # to the bit, not times and divided by it
    assert made.seen == [0.7 * 0.3] * 3
    assert lowered.rates() == [0.7 * 0.3]


def test_a_rate_that_the_optimizer_moves_itself_is_moved() -> None:
    made, _ = optimizer(moves=0.5)
    made.step()
    made.step()
    assert made.seen == pytest.approx([0.21, 0.105])
    assert made.param_groups[0]["lr"] == pytest.approx(0.175)


def test_a_rate_in_a_tensor_stays_that_tensor() -> None:
    rate = torch.tensor(0.7)
    made = torch.optim.Adam(nn.Linear(1, 1).parameters(), lr=rate, foreach=False)
    lowered = Lowered(made)
    lowered.factor = 0.3
    made.step()
    assert made.param_groups[0]["lr"] is rate
    assert rate == torch.tensor(0.7)
    assert lowered.rates() == pytest.approx([0.21])


def test_a_step_that_failed_lowers_nothing_twice_nor_for_ever() -> None:
    made, lowered = optimizer(fails=True)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no"):
            made.step()
    assert made.seen == [0.7 * 0.3] * 2
    lowered.remove()
    assert made.param_groups[0]["lr"] == 0.7
    with pytest.raises(RuntimeError, match="no"):
        made.step()
    assert made.seen[-1] == 0.7
