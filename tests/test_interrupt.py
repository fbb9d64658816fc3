"""Ctrl-C: a first one ends the training and not the program, a second one ends both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from fivestep import Run, fit

X = torch.linspace(-1, 1, 12).unsqueeze(1)
Y = 2 * X + 1


@pytest.fixture(autouse=True)
def handler() -> Generator[None]:
    """Start from Python's own handler, as a program does, and leave what was there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def loss_that_does(action: Callable[[], Any], at: int) -> Callable[[Any, Any], Any]:
    calls = iter(range(1, 10_000))

    def loss_fn(prediction: Any, targets: Any) -> Any:
        if next(calls) == at:
            action()
        return nn.functional.mse_loss(prediction, targets)

    return loss_fn


def train_line(loss_fn: Any, model: nn.Module | None = None, **options: Any) -> Run:
    torch.manual_seed(0)
    model = model or nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    settled: dict[str, Any] = {"epochs": 4, "batch_size": 4, "progress": False}
    return fit(model, loss_fn, optimizer, (X, Y), **(settled | options))


def same_numbers(one: dict[str, Any], other: dict[str, Any]) -> bool:
    names = ("iteration", "update", "loss", "gradient_norm", "learning_rate")
    return all(one[name] == other[name] for name in names)


# Once.


@pytest.mark.parametrize("at", [1, 2, 5, 6, 12])
def test_the_iteration_is_finished_and_the_run_comes_back(at: int) -> None:
    interrupted, whole = nn.Linear(1, 1), nn.Linear(1, 1)
    whole.load_state_dict(interrupted.state_dict())
    run = train_line(loss_that_does(ctrl_c, at), interrupted)
    assert run.reason == "interrupted"
    epoch = (at + 2) // 3
    assert run.message == f"Ctrl-C after iteration {at} (epoch {epoch})"
    assert run.history[-1]["when"] == "interrupted"
    assert run.history[-1]["iteration"] == at
    assert [r["epoch"] for r in run.epochs] == list(range(1, epoch))

    # The weights are those of a training that was told to stop there by hand.
    from fivestep import batches, train

    made, left = batches((X, Y), batch_size=4), at
    optimizer = torch.optim.SGD(whole.parameters(), lr=0.1)
    for number in range(1, epoch + 1):
        part = [batch for batch, _ in zip(made.epoch(number), range(left), strict=False)]
        left -= len(part)
        for _ in train(whole, nn.MSELoss(), optimizer, part):
            pass
    assert torch.equal(whole.weight, interrupted.weight)  # pyright: ignore[reportArgumentType]


def test_what_was_recorded_before_is_that_of_a_run_left_alone() -> None:
    whole = train_line(nn.MSELoss())
    run = train_line(loss_that_does(ctrl_c, 8))
    assert len(run.epochs) == 2
    assert all(map(same_numbers, run.epochs, whole.epochs))


def test_the_record_says_so_and_can_be_read(tmp_path: Path) -> None:
    run = train_line(loss_that_does(ctrl_c, 5), record=tmp_path / "run.jsonl")
    loaded = Run.load(tmp_path / "run.jsonl")
    assert loaded.reason == "interrupted"
    assert loaded.history == run.history


def test_the_best_weights_are_restored_if_asked_so() -> None:
    model, kept = nn.Linear(1, 1), list[torch.Tensor]()

    def action() -> None:
        kept.append(model.weight.detach().clone())
        ctrl_c()

    # The loss is also called by the rehearsal and by each validation (3 batches).
    run = train_line(loss_that_does(action, 9), model, validate=(X, Y), restore_best=True, epochs=9)
    assert run.reason == "interrupted"
    assert run.best_epoch == 1
    assert run.best_weights is not None
    assert torch.equal(model.weight, run.best_weights["weight"])
    assert not torch.equal(model.weight, kept[0])


class Noting(nn.Linear):
    """Acts in its so-many-th forward in eval mode."""

    def __init__(self, action: Callable[[], Any], at: int) -> None:
        super().__init__(1, 1)
        self.action, self.at, self.calls = action, at, 0

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002
        self.calls += not self.training
        if not self.training and self.calls == self.at:
            self.action()
        return super().forward(input)


def test_a_validation_cut_short_is_no_validation() -> None:
    # The rehearsal takes the first batch; the second epoch's validation starts with the fifth.
    model = Noting(ctrl_c, at=6)
    run = train_line(nn.MSELoss(), model, validate=(X, Y))
    assert run.reason == "interrupted"
    assert model.calls == 6
    assert model.training
    assert "validation_loss" in run.history[0]
    assert not any("validation" in name for name in run.history[-1])
    assert run.best_epoch == 1


def test_the_program_can_train_on_afterwards() -> None:
    model = nn.Linear(1, 1)
    assert train_line(loss_that_does(ctrl_c, 2), model).reason == "interrupted"
    assert train_line(nn.MSELoss(), model).reason == "finished"
    assert train_line(loss_that_does(ctrl_c, 2), model).reason == "interrupted"


@pytest.mark.parametrize("at", [2, 10_000], ids=["interrupted", "finished"])
def test_the_handler_is_put_back(at: int) -> None:
    train_line(loss_that_does(ctrl_c, at))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        ctrl_c()


def test_the_handler_is_put_back_after_an_exception() -> None:
    def fail() -> None:
        raise LookupError("no such word")

    with pytest.raises(LookupError):
        train_line(loss_that_does(fail, 2))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# Twice.


def test_a_second_one_ends_the_program_and_the_record_says_so(tmp_path: Path) -> None:
    model = nn.Linear(1, 1)

    def twice() -> None:
        ctrl_c()
        ctrl_c()

    with pytest.raises(KeyboardInterrupt):
        train_line(loss_that_does(twice, 5), model, record=tmp_path / "run.jsonl")
    run = Run.load(tmp_path / "run.jsonl")
    assert run.reason == "interrupted"
    assert run.message == "KeyboardInterrupt"
    assert [r["epoch"] for r in run.history] == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert bool(torch.isfinite(model.weight).all())


# Where it has no say.


def test_a_handler_of_the_program_is_respected() -> None:
    heard: list[int] = []

    def own(number: int, frame: Any) -> None:
        heard.append(number)

    signal.signal(signal.SIGINT, own)
    run = train_line(loss_that_does(ctrl_c, 2))
    assert run.reason == "finished"
    assert heard == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is own


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a job in the background of a shell
    run = train_line(loss_that_does(ctrl_c, 2))
    assert run.reason == "finished"
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_handler_that_is_set_during_the_training_stays() -> None:
    def own(number: int, frame: Any) -> None: ...

    def take_over() -> None:
        signal.signal(signal.SIGINT, own)

    assert train_line(loss_that_does(take_over, 2)).reason == "finished"
    assert signal.getsignal(signal.SIGINT) is own


def test_another_thread_than_the_main_one_can_train() -> None:
    runs: list[Run] = []
    thread = threading.Thread(target=lambda: runs.append(train_line(nn.MSELoss())))
    thread.start()
    thread.join()
    assert [run.reason for run in runs] == ["finished"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_inner_training_leaves_the_outer_one_its_say() -> None:
    inner: list[Run] = []

    def nest() -> None:
        inner.append(train_line(nn.MSELoss()))
        ctrl_c()

    assert train_line(loss_that_does(nest, 2)).reason == "interrupted"
    assert [run.reason for run in inner] == ["finished"]


# A real Ctrl-C: the terminal sends it to the whole group, the loader's workers included.

SCRIPT = """
import os, signal, sys, time
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from fivestep import Run, fit

class Rows(Dataset):
    def __init__(self, signal_at=None):
        self.signal_at = signal_at
    def __len__(self):
        return 64
    def __getitem__(self, index):
        if index == self.signal_at:
            time.sleep(1.0)  # until the training has used up what was fetched ahead, and waits
            os.killpg(os.getpgrp(), signal.SIGINT)
        return torch.full((1,), index / 64), torch.full((1,), index / 32)

def loss_fn(prediction, targets):
    global calls
    calls[torch.is_grad_enabled()] += 1
    if (calls[True], calls[False]) == {when}:
        os.killpg(os.getpgrp(), signal.SIGINT)
    return nn.functional.mse_loss(prediction, targets)

if __name__ == "__main__":
    calls = {{True: 0, False: 0}}
    torch.set_num_threads(1)
    workers = dict(num_workers={workers}, multiprocessing_context={start!r} if {workers} else None)
    loader = DataLoader(Rows({train}), batch_size=4, persistent_workers={keep}, **workers)
    model = nn.Linear(1, 1)
    run = fit(model, loss_fn, torch.optim.SGD(model.parameters(), lr=0.01), loader, epochs=50,
              validate=DataLoader(Rows({validate}), batch_size=4, **workers),
              record=sys.argv[1], progress=False)
    print(run.reason, run.history[-1]["when"], run.history[-1]["iteration"],
          Run.load(sys.argv[1]).reason, "still here")
"""


def run_in_a_group(tmp_path: Path, **settled: Any) -> list[str]:
    script, record = tmp_path / "script.py", tmp_path / "run.jsonl"
    usual: dict[str, Any] = {"when": None, "keep": False, "start": "fork"}
    usual |= {"train": None, "validate": None}
    script.write_text(SCRIPT.format(**(usual | settled)))
    done = subprocess.run(
        [sys.executable, str(script), str(record)],
        check=False,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(" interrupted still here\n")
    return done.stdout.split()[:3]


in_groups = pytest.mark.skipif(os.name != "posix", reason="groups of processes")


@in_groups
@pytest.mark.parametrize(
    ("when", "workers", "keep", "ends"),
    [
        ((20, 17), 0, False, "interrupted interrupted 20"),
        ((20, 17), 2, False, "interrupted interrupted 20"),
        ((20, 17), 2, True, "interrupted interrupted 20"),
        ((32, 20), 2, False, "interrupted epoch 32"),
        ((32, 20), 0, False, "interrupted epoch 32"),
    ],
    ids=["alone", "workers", "kept-workers", "validation-workers", "validation"],
)
def test_a_ctrl_c_for_the_whole_group(
    tmp_path: Path, when: tuple[int, int], workers: int, keep: bool, ends: str
) -> None:
    assert run_in_a_group(tmp_path, when=when, workers=workers, keep=keep) == ends.split()


@in_groups
@pytest.mark.parametrize("where", ["train", "validate"])
@pytest.mark.parametrize(("workers", "start"), [(0, "fork"), (2, "fork"), (2, "spawn")])
def test_a_ctrl_c_while_a_batch_is_being_fetched(
    tmp_path: Path, where: str, workers: int, start: str
) -> None:
    # Sample 50 is not among those that the rehearsal makes the workers fetch ahead. Workers that
    # are forked inherit the patience of the training; those that are spawned die at once.
    settled: dict[str, Any] = {"workers": workers, "start": start, where: 50}
    reason, _, iteration = run_in_a_group(tmp_path, **settled)
    assert reason == "interrupted"
    assert int(iteration) <= 16 if where == "train" else int(iteration) == 16
