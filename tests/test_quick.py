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
from fivestep.listen import unheard
from fivestep.vitals import Record, Update, quick, samples
from fivestep.vitals.codec import encode

TIMES = (
    "seconds",
    "waited",
    "busy",
    "paced_waited",
    "paced_worked",
    "paced_waited_busy",
    "paced_worked_busy",
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


def _window(size: int, *, forgets: int = 0, extra: int = 0, clipped: bool = False) -> None:
    """Accumulates; from iteration 300 on it may forget to clear once, or clear once more."""
    model, optimizer, x, y = _parts()
    for number in range(1, LONG + 1):
        (F.mse_loss(model(x), y) / size).backward()
        if number == extra:
            optimizer.zero_grad()
        if number % size == 0:
            if clipped:
                nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            if number != forgets:
                optimizer.zero_grad()


def accumulates_three() -> None:
    _window(3)


def accumulates_and_clips() -> None:
    _window(5, clipped=True)


def accumulates_sixteen() -> None:
    _window(16)


def forgets_to_clear_a_window() -> None:
    _window(4, forgets=312)


def clears_inside_a_window() -> None:
    _window(4, extra=315)


def changes_its_window() -> None:
    model, optimizer, x, y = _parts()
    for number in range(1, LONG + 1):
        size = 2 if number <= 300 else 3
        (F.mse_loss(model(x), y) / size).backward()
        if number % size == 0:
            optimizer.step()
            optimizer.zero_grad()


def clips_every_gradient() -> None:
    model, optimizer, x, y = _parts()
    for number in range(LONG):
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        limit = 1.0 if number < 320 else 0.5
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=limit)
        optimizer.step()


def clips_after_the_update_later() -> None:
    model, optimizer, x, y = _parts()
    for number in range(LONG):
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        if number < 320:
            nn.utils.clip_grad_value_(model.parameters(), 1.0)
        optimizer.step()
        if number >= 320:
            nn.utils.clip_grad_value_(model.parameters(), 1.0)


def schedules_every_update() -> None:
    model, optimizer, x, y = _parts()
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, LONG)
    for _ in range(LONG):
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        schedule.step()


def schedules_windows_and_evaluates() -> None:
    model, optimizer, x, y = _parts()
    loader = DataLoader(TensorDataset(x, y), batch_size=2)
    warm = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=30)
    flat = torch.optim.lr_scheduler.ConstantLR(optimizer, 0.5, total_iters=200)
    schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm, flat], [30])
    for _ in range(20):
        model.train()
        for number, (xs, ys) in enumerate(loader):
            (F.mse_loss(model(xs), ys) / 2).backward()
            if number % 2:
                optimizer.step()
                optimizer.zero_grad()
                schedule.step()
        model.eval()
        with torch.no_grad():
            F.mse_loss(model(x), y)


def stops_to_schedule() -> None:
    model, optimizer, x, y = _parts()
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=20)
    for number in range(LONG):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        if number < 333:
            schedule.step(loss.item())


def two_updates_of_one_optimizer() -> None:
    model, optimizer, x, y = _parts()
    for number in range(LONG):
        optimizer.param_groups[0]["lr"] = 0.01 * 0.999**number
        for target in (y, y + 0.1):
            optimizer.zero_grad()
            F.mse_loss(model(x), target).backward()
            optimizer.step()


def loss_on_no_plain_way() -> None:
    """A vector for a loss, whose gradient is handed in: none of the plain ones."""
    model, optimizer, x, y = _parts()
    for _ in range(LONG):
        optimizer.zero_grad()
        loss = ((model(x) - y) ** 2).squeeze(1)
        loss.backward(torch.full((len(x),), 1 / len(x)))
        optimizer.step()


LOOPS = [
    plain, module_loss_zeroed_last, loader_with_evaluation, forgets_to_clear_later,
    clears_too_late_later, breaks_down_later, rate_by_hand, two_optimizers, shape_changes_once,
    eval_mode_from_the_middle, accumulates, evaluates_in_between, accumulates_three,
    accumulates_and_clips, accumulates_sixteen, forgets_to_clear_a_window, clears_inside_a_window,
    changes_its_window, clips_every_gradient, clips_after_the_update_later, schedules_every_update,
    schedules_windows_and_evaluates, stops_to_schedule, two_updates_of_one_optimizer,
    loss_on_no_plain_way,
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
    assert bool(started) is (loop is not loss_on_no_plain_way)  # the short way was taken
    assert torch.equal(drawn, drawn_too)
    assert _timeless(encode(short)) == _timeless(encode(long))
    assert [f.rule for f in diagnose(short).findings] == [f.rule for f in diagnose(long).findings]
    assert sum(vitals.repeats for vitals in short.iterations) == short.length


def test_what_is_unheard_is_no_part_of_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same line, called where it was expected: nobody is to take it for the loop's own."""
    monkeypatch.setattr(samples, "FORWARDS", 40)
    model, (x, y) = nn.Linear(4, 1), (torch.randn(32, 4), torch.randn(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), 0.01)

    def update() -> None:
        optimizer.step()

    with listen() as doctor:
        for number in range(LONG):
            loss = F.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            if number in (150, 250, 333):
                with unheard():
                    update()
            update()
    assert doctor.record.length == doctor.record.count(Update) == LONG


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
