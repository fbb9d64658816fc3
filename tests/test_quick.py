"""The short way for iterations that are alike writes the same record as the long one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fivestep.doctor import diagnose, listen
from fivestep.vitals import Record, quick, samples
from fivestep.vitals.codec import encode

TIMES = (
    "seconds",
    "waited",
    "identity",
    "at",
    "began",
    "forwards",
    "losses",
    "made",
    "dataset_identity",
)
LONG = 400


def _parts() -> tuple[nn.Module, torch.optim.Optimizer, torch.Tensor, torch.Tensor]:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 1))
    x = torch.randn(32, 4)
    return model, torch.optim.SGD(model.parameters(), 0.01), x, x[:, :1] + 1


def plain() -> None:
    model, optimizer, x, y = _parts()
    for _ in range(LONG):
        loss = F.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def module_loss_zeroed_last() -> None:
    model, optimizer, x, y = _parts()
    loss_fn = nn.MSELoss()
    for _ in range(LONG):
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def loader_with_evaluation() -> None:
    model, optimizer, x, y = _parts()
    loader = DataLoader(TensorDataset(x, y), batch_size=2, shuffle=True)
    for _ in range(12):
        model.train()
        for xs, ys in loader:
            optimizer.zero_grad()
            loss = ((model(xs) - ys) ** 2).mean()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            F.mse_loss(model(x), y)


def forgets_to_clear_later() -> None:
    model, optimizer, x, y = _parts()
    for number in range(LONG):
        loss = F.mse_loss(model(x), y)
        if number < 300 or number > 320:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def clears_too_late_later() -> None:
    model, optimizer, x, y = _parts()
    for number in range(LONG):
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        if number == 333:
            optimizer.zero_grad()
        optimizer.step()


def breaks_down_later() -> None:
    model, optimizer, x, y = _parts()
    for number in range(LONG):
        optimizer.zero_grad()
        F.mse_loss(model(x), y / (number != 350)).backward()
        optimizer.step()


def rate_by_hand() -> None:
    model, optimizer, x, y = _parts()
    for number in range(LONG):
        optimizer.param_groups[0]["lr"] = 0.01 * 0.999**number
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()


def two_optimizers() -> None:
    model, optimizer, x, y = _parts()
    other, second, _, _ = _parts()
    for _ in range(LONG):
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        second.zero_grad()
        F.l1_loss(other(x), y).backward()
        second.step()


def shape_changes_once() -> None:
    model, optimizer, x, y = _parts()
    for number in range(LONG):
        optimizer.zero_grad()
        target = y.squeeze(1) if number == 340 else y
        F.mse_loss(model(x), target).backward()
        optimizer.step()


def eval_mode_from_the_middle() -> None:
    model, optimizer, x, y = _parts()
    for number in range(LONG):
        if number == 300:
            model.eval()
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()


def accumulates() -> None:
    model, optimizer, x, y = _parts()
    for number in range(LONG):
        (F.mse_loss(model(x), y) / 2).backward()
        if number % 2:
            optimizer.step()
            optimizer.zero_grad()


def evaluates_in_between() -> None:
    model, optimizer, x, y = _parts()
    for number in range(LONG):
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        if number % 50 == 49:
            with torch.no_grad():
                F.mse_loss(model(x), y)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)


LOOPS = [
    plain, module_loss_zeroed_last, loader_with_evaluation, forgets_to_clear_later,
    clears_too_late_later, breaks_down_later, rate_by_hand, two_optimizers, shape_changes_once,
    eval_mode_from_the_middle, accumulates, evaluates_in_between,
]  # fmt: skip


def _hear(loop: Callable[[], None]) -> tuple[Record, torch.Tensor]:
    torch.manual_seed(0)
    with listen() as doctor:
        loop()
    assert not doctor.record.problems
    return doctor.record, torch.rand(4)


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if k not in TIMES}  # pyright: ignore[reportUnknownVariableType]
    return [_timeless(one) for one in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]


pytestmark = pytest.mark.filterwarnings("ignore:Using a target size")


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
def test_same_record_as_the_long_way(
    loop: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "FORWARDS", 40)
    started: list[int] = []
    learn = quick.Quick.learn

    def counted(self: quick.Quick, key: tuple[Any, ...]) -> None:
        before = self.active
        learn(self, key)
        started.extend([1] * (self.active and not before))

    monkeypatch.setattr(quick.Quick, "learn", counted)
    short, drawn = _hear(loop)
    with monkeypatch.context() as patch:
        patch.setattr(quick.Quick, "learn", lambda *_: None)  # pyright: ignore[reportUnknownLambdaType]
        patch.setattr(quick.Quick, "consider", lambda *_: None)  # pyright: ignore[reportUnknownLambdaType]
        long, drawn_too = _hear(loop)
    assert started or loop is accumulates  # the short way was taken
    assert torch.equal(drawn, drawn_too)
    assert _timeless(encode(short)) == _timeless(encode(long))
    assert [f.rule for f in diagnose(short).findings] == [f.rule for f in diagnose(long).findings]
    assert sum(vitals.repeats for vitals in short.iterations) == short.length


def test_a_fault_that_comes_late_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "FORWARDS", 40)
    for loop, rule in (
        (forgets_to_clear_later, "stale-gradient"),
        (breaks_down_later, "nonfinite-loss"),
        (eval_mode_from_the_middle, "eval-mode-training"),
        (shape_changes_once, "broadcast-loss"),
    ):
        record, _ = _hear(loop)
        assert rule in [finding.rule for finding in diagnose(record).findings]


@pytest.mark.parametrize(
    "loop",
    [plain, loader_with_evaluation, two_optimizers, accumulates],
    ids=lambda loop: loop.__name__,
)
def test_same_record_when_numbers_are_read_in_bulk(
    loop: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an accelerator asks for: nothing is read on the path."""
    now, _ = _hear(loop)
    for module in ("measure", "recording.curves"):
        monkeypatch.setattr(f"fivestep.vitals.{module}.at_once", lambda _: False)  # pyright: ignore[reportUnknownLambdaType]
    monkeypatch.setattr(quick.Quick, "consider", lambda *_: None)  # pyright: ignore[reportUnknownLambdaType]
    late, _ = _hear(loop)
    for one in (now, late):
        for facts in one.loaders:  # taken when the batch comes, or not at all
            facts.labels, facts.first_digests = [], []
    assert _timeless(encode(late)) == _timeless(encode(now))
