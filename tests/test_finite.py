"""What the guard keeps, and what it does not copy again and again."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fivestep import NonFiniteError, fit
from fivestep.finite import SMALL, Guard


class Masked(nn.Module):
    """A linear layer with a large buffer that one forward in two writes to, if told so."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 1)
        self.mask: Any
        self.register_buffer("mask", torch.ones(size))
        self.writes = "never"

    def forward(self, x: Tensor) -> Tensor:
        if self.writes == "in place":
            self.mask.mul_(torch.nan)
        if self.writes == "hidden":
            self.mask.data.add_(1.0)
        if self.writes == "anew":
            self.mask = self.mask * torch.nan
        return self.linear(x)


def guard(model: nn.Module) -> Guard:
    return Guard(model, torch.optim.SGD(model.parameters(), lr=0.1))


def test_a_large_buffer_that_nobody_writes_is_copied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Masked(SMALL + 1)
    clones: list[int] = []
    clone = Tensor.clone

    def counted(tensor: Tensor) -> Tensor:
        clones.append(tensor.numel())
        return clone(tensor)

    monkeypatch.setattr(Tensor, "clone", counted)
    watch = guard(model)
    for _ in range(5):
        watch.remember()
        model(torch.zeros(2, 3))
    assert clones.count(SMALL + 1) == 1


@pytest.mark.parametrize("size", [1, SMALL, SMALL + 1])
@pytest.mark.parametrize("writes", ["in place", "anew"])
@pytest.mark.parametrize("sound", [1, 3])
def test_a_buffer_that_a_forward_ruins_is_put_back(size: int, writes: str, sound: int) -> None:
    model = Masked(size)
    watch, home = guard(model), model.mask
    for _ in range(sound):
        watch.remember()
        model(torch.zeros(2, 3))
    watch.remember()
    model.writes = writes
    model(torch.zeros(2, 3))
    assert model.mask.isnan().all()
    watch.undo()
    assert torch.equal(model.mask, torch.ones(size))
    assert model.mask is home


@pytest.mark.parametrize("size", [1, SMALL + 1, 4 * SMALL])
@pytest.mark.parametrize("sound", [1, 2, 7])
def test_a_buffer_written_behind_its_counter_is_put_back_to_its_last_value(
    size: int, sound: int
) -> None:
    model = Masked(size)
    model.writes = "hidden"
    watch = guard(model)
    for _ in range(sound):
        watch.remember()
        model(torch.zeros(2, 3))
    watch.remember()
    model(torch.zeros(2, 3))
    watch.undo()
    assert torch.equal(model.mask, torch.full((size,), 1.0 + sound))


@pytest.mark.parametrize("norm", [nn.BatchNorm1d, nn.InstanceNorm1d])
def test_statistics_of_a_norm_are_put_back(norm: Any) -> None:
    model = norm(3, track_running_stats=True)
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    watch = Guard(model, optimizer)
    model(torch.randn(4, 3, 5))
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    watch.remember()
    model(torch.full((4, 3, 5), torch.nan))
    assert model.running_mean.isnan().all()
    watch.undo()
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, before[name]), name


@pytest.mark.parametrize("nonfinite", ["stop", "skip", "raise"])
def test_weights_that_the_very_last_update_ruins_are_told(nonfinite: Any) -> None:
    model, loss_fn = nn.Linear(1, 1), nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=3e38)
    data = (torch.full((4, 1), 100.0), torch.zeros(4, 1))

    def run() -> Any:
        return fit(model, loss_fn, optimizer, data, epochs=1, nonfinite=nonfinite, progress=False)

    if nonfinite == "raise":
        with pytest.raises(NonFiniteError, match="the last update"):
            run()
    else:
        done = run()
        assert done.reason == "nonfinite"
        assert "do: lower the learning rate" in done.message
    assert not model.weight.isfinite().all()
