"""Hand-written loops, stopped at every batch: LBFGS, a GAN, windows by hand, a scheduler."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from checkpoints.resumed import Stop, same
from fivestep import Checkpoint

Outcome = dict[str, Any]
Loop = Callable[[Path, Callable[[], None]], Outcome]


def data() -> tuple[torch.Tensor, torch.Tensor]:
    inputs = torch.randn(20, 3, generator=torch.Generator().manual_seed(1))
    return inputs, inputs.sum(1, keepdim=True)


def network() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(3, 5), nn.Dropout(0.2), nn.Linear(5, 1))


def states(**objects: Any) -> Outcome:
    return {name: copy.deepcopy(one.state_dict()) for name, one in objects.items()}


def plain(folder: Path, tick: Callable[[], None]) -> Outcome:
    model, loss_fn = network(), nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    objects = {"model": model, "optimizer": optimizer, "schedule": schedule}
    checkpoint = Checkpoint(folder, objects, every=1)
    losses = checkpoint.values.setdefault("losses", [])
    for _ in checkpoint.epochs(3):
        losses = checkpoint.values.setdefault("losses", [])
        for inputs, targets in checkpoint.batches(data(), batch_size=6):
            loss = loss_fn(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            tick()
        schedule.step()
    return states(**objects) | {"values": checkpoint.values}


def window(folder: Path, tick: Callable[[], None]) -> Outcome:
    """Adds up the gradients of three batches, across the ends of epochs."""
    model, loss_fn = network(), nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loader = DataLoader(TensorDataset(*data()), batch_size=6, shuffle=True)
    checkpoint = Checkpoint(folder, {"model": model, "optimizer": optimizer}, every=1)
    for _ in checkpoint.epochs(3):
        for inputs, targets in checkpoint.batches(loader):
            (loss_fn(model(inputs), targets) / 3).backward()
            made = checkpoint.values["made"] = checkpoint.values.get("made", 0) + 1
            if made % 3 == 0:
                optimizer.step()
                optimizer.zero_grad()
            tick()
    return states(model=model, optimizer=optimizer)


def lbfgs(folder: Path, tick: Callable[[], None]) -> Outcome:
    model, loss_fn = network(), nn.MSELoss()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)
    checkpoint = Checkpoint(folder, {"model": model, "optimizer": optimizer}, every=1)
    for _ in checkpoint.epochs(4):
        for inputs, targets in checkpoint.batches(data(), batch_size=10):

            def closure(inputs: Any = inputs, targets: Any = targets) -> Any:
                optimizer.zero_grad()
                loss = loss_fn(model(inputs), targets)
                loss.backward()
                return loss

            optimizer.step(closure)
            tick()
    return states(model=model, optimizer=optimizer)


def gan(folder: Path, tick: Callable[[], None]) -> Outcome:
    torch.manual_seed(4)
    generator, judge = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    fakers = torch.optim.Adam(generator.parameters(), lr=0.01)
    judges = torch.optim.RMSprop(judge.parameters(), lr=0.01)
    noise = torch.Generator().manual_seed(9)  # a generator of its own
    objects = {
        "generator": generator, "judge": judge, "fakers": fakers, "judges": judges, "noise": noise,
    }  # fmt: skip
    loss_fn, checkpoint = nn.BCEWithLogitsLoss(), Checkpoint(folder, objects, every=1)
    for _ in checkpoint.epochs(3):
        for real, _ in checkpoint.batches(data(), batch_size=6):
            fake = generator(torch.randn(len(real), 2, generator=noise))
            ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
            loss = loss_fn(judge(real), ones) + loss_fn(judge(fake.detach()), zeros)
            judges.zero_grad()
            loss.backward()
            judges.step()
            loss = loss_fn(judge(fake), ones)
            fakers.zero_grad()
            loss.backward()
            fakers.step()
            tick()
    return states(generator=generator, judge=judge, fakers=fakers, judges=judges)


def drawing(folder: Path, tick: Callable[[], None]) -> Outcome:
    """Draws before the batches of an epoch and after them: torch, NumPy and Python."""
    model, loss_fn = network(), nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    checkpoint = Checkpoint(folder, {"model": model, "optimizer": optimizer}, every=1)
    for _ in checkpoint.epochs(3):
        noise = torch.randn(3) * float(np.random.rand()) + random.random()
        for inputs, targets in checkpoint.batches(data(), batch_size=6):
            loss = loss_fn(model(inputs + noise), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            tick()
        with torch.no_grad():
            model[0].bias += torch.randn(5) / 100  # pyright: ignore
    return states(model=model, optimizer=optimizer)


def counted(folder: Path, tick: Callable[[], None]) -> Outcome:
    """Has windows by the number of the batch."""
    model, loss_fn = network(), nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    checkpoint = Checkpoint(folder, {"model": model, "optimizer": optimizer}, every=1)
    seen: list[tuple[int, int]] = checkpoint.values.setdefault("seen", [])
    for _ in checkpoint.epochs(3):
        for inputs, targets in checkpoint.batches(data(), batch_size=4):
            loss_fn(model(inputs), targets).backward()
            if checkpoint.batch % 2 == 1:
                optimizer.step()
                optimizer.zero_grad()
            seen = checkpoint.values["seen"]
            checkpoint.values = {"seen": [*seen, (checkpoint.batch, checkpoint.iteration)]}
            tick()
    assert checkpoint.values["seen"] == [(n % 5, n) for n in range(15)]
    return states(model=model, optimizer=optimizer)


def loose(folder: Path, tick: Callable[[], None]) -> Outcome:
    """Trains plain tensors, in windows."""
    weight, shift = torch.zeros(3, 1, requires_grad=True), torch.ones(1, requires_grad=True)
    optimizer = torch.optim.Adagrad([weight, shift], lr=0.1)
    objects = {"weight": weight, "shift": shift, "optimizer": optimizer}
    checkpoint = Checkpoint(folder, objects, every=1)
    for _ in checkpoint.epochs(3):
        for inputs, targets in checkpoint.batches(data(), batch_size=6):
            (inputs @ weight + shift - targets).square().mean().backward()
            if checkpoint.iteration % 3 == 2:
                optimizer.step()
                optimizer.zero_grad()
            tick()
    return {"weight": weight.detach(), "shift": shift.detach()} | states(optimizer=optimizer)


def embedded(folder: Path, tick: Callable[[], None]) -> Outcome:
    """Leaves a sparse gradient behind each update, or the sum of two."""
    torch.manual_seed(6)
    table = nn.Embedding(9, 2, sparse=True)
    optimizer = torch.optim.SparseAdam(list(table.parameters()), lr=0.1)
    checkpoint = Checkpoint(folder, {"table": table, "optimizer": optimizer}, every=1)
    numbers = (torch.arange(20) * 7 % 9, torch.arange(20.0))
    for _ in checkpoint.epochs(3):
        for places, targets in checkpoint.batches(numbers, batch_size=6):
            (table(places).sum(1) - targets).square().mean().backward()
            if checkpoint.iteration % 2:
                optimizer.step()
                optimizer.zero_grad()
            tick()
    return states(table=table, optimizer=optimizer)


LOOPS = [plain, window, lbfgs, gan, drawing, counted, loose, embedded]


class Clock:
    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Stop


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_stopped_anywhere_ends_as_if_it_had_not_been(loop: Loop, tmp_path: Path) -> None:
    whole = loop(tmp_path / "whole", lambda: None)
    for at in range(8):
        with pytest.raises(Stop):
            loop(tmp_path / f"at {at}", Clock(at))
        same(loop(tmp_path / f"at {at}", lambda: None), whole)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_stopped_at_every_second_batch(loop: Loop, tmp_path: Path) -> None:
    whole, times = loop(tmp_path / "whole", lambda: None), 0
    while True:
        try:
            same(loop(tmp_path / "again", Clock(2)), whole)
            break
        except Stop:
            times += 1
    assert times >= 3


def test_a_loop_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    first = plain(tmp_path, lambda: None)
    same(plain(tmp_path, Clock(0)), first)


def test_misuse_is_told(tmp_path: Path) -> None:
    model = network()
    with pytest.raises(TypeError, match="without objects"):
        Checkpoint(tmp_path).epochs(1)
    with pytest.raises(ValueError, match=r"outside of checkpoint\.epochs"):
        Checkpoint(tmp_path, {"model": model}).batches(data())
    checkpoint = Checkpoint(tmp_path, {"model": model})
    epochs = checkpoint.epochs(1)
    next(epochs)
    list(checkpoint.batches(data()))
    with pytest.raises(ValueError, match="twice in one epoch"):
        list(checkpoint.batches(data()))
    epochs.close()
    with pytest.raises(TypeError, match="thing is of type object"):
        list(Checkpoint(tmp_path / "other", {"thing": object()}).epochs(1))
    checkpoint = Checkpoint(tmp_path / "third", {"model": model})
    checkpoint.values["path"] = tmp_path
    with pytest.raises(TypeError, match=r"values/path is .*Path.*without a pickle"):
        list(checkpoint.epochs(1))


def test_what_was_saved_of_another_model_is_refused_by_name(tmp_path: Path) -> None:
    list(Checkpoint(tmp_path, {"model": network()}).epochs(1))
    other = nn.Sequential(nn.Linear(3, 6), nn.Dropout(0.2), nn.Linear(6, 1), nn.Linear(1, 1))
    with pytest.raises(ValueError, match=r"missing: 3\.weight, 3\.bias") as told:
        list(Checkpoint(tmp_path, {"model": other}).epochs(1))
    assert "of another shape: 0.weight (5, 3), not (6, 3)" in str(told.value)
    with pytest.raises(ValueError, match="seed was 0 and is 1"):
        list(Checkpoint(tmp_path, {"model": network()}, seed=1).epochs(1))


def test_an_optimizer_whose_model_was_forgotten_is_refused(tmp_path: Path) -> None:
    model, other = network(), nn.Linear(2, 2)
    optimizers = [
        torch.optim.Adam(model.parameters()),
        torch.optim.SGD([*other.parameters(), *model.parameters()], lr=0.1),
    ]
    for optimizer in optimizers:
        objects = {"optimizer": optimizer, "other": other}
        with pytest.raises(ValueError, match=r"optimizer moves 4 parameters that none of"):
            Checkpoint(tmp_path, objects).epochs(1)
    assert list(Checkpoint(tmp_path, {"model": model, "optimizer": optimizers[0]}).epochs(1))


class Counting(nn.Linear):
    """Counts its calls, up from a number that the program says."""

    def __init__(self, calls: int, table: torch.Tensor | None = None) -> None:
        super().__init__(3, 1)
        self.calls, self.table = calls, table

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002
        self.calls += 1
        if self.table is None and self.calls > 100:
            self.table = torch.zeros(3000)  # too large to be saved as an attribute
        return super().forward(input)


@pytest.mark.parametrize(
    ("first", "then", "words"),
    [
        (0, 50, "calls was 2 when it was saved and is 50 here; the saved one is used"),
        (99, 99, "begins anew, as its place cannot be saved: "),
        (0, 0, ""),
    ],
)
def test_what_of_the_objects_cannot_go_on_as_it_was_is_said(
    first: int, then: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def train(calls: int, ticks: int) -> None:
        clock, model = Clock(ticks), Counting(calls)
        checkpoint = Checkpoint(tmp_path, {"model": model}, every=1)
        for _ in checkpoint.epochs(2):
            for inputs, _ in checkpoint.batches(data(), batch_size=6):
                model(inputs)
                clock()

    with pytest.raises(Stop):
        train(first, 2)
    capsys.readouterr()
    train(then, 20)
    told = capsys.readouterr().err
    assert words in told
    assert bool(words) == bool(told)
