"""The sweep of rates: what it finds, and that nothing is left of it."""

from __future__ import annotations

import copy
import math
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import matplotlib as mpl
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset, TensorDataset

from fivestep.attach.together import together
from fivestep.attach.wrapping import Wrapping
from fivestep.batches import batches
from fivestep.doctor import listen
from fivestep.find_lr import find_lr
from fivestep.loop import train
from fivestep.rate_search import RateSearch, smooth, suggest

MODULE = sys.modules["fivestep.find_lr"]  # fivestep.find_lr is the function

mpl.use("Agg")

Make = Callable[[Any], Any]

OPTIMIZERS: dict[str, Make] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.003, momentum=0.9, nesterov=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01),
    "foreach": lambda p: torch.optim.AdamW(p, lr=0.01, foreach=True, amsgrad=True),
    "fused": lambda p: torch.optim.Adam(p, lr=0.01, fused=True),
    "tensor rate": lambda p: torch.optim.Adam(p, lr=torch.tensor(0.01), foreach=False),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.05),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
    "together": lambda p: _pair(list(p)),
}


def _pair(held: list[Any]) -> Any:
    return together(torch.optim.SGD(held[:2], lr=0.05), torch.optim.AdamW(held[2:], lr=0.01))


class Net(nn.Module):
    """Dropout, BatchNorm, a buffer outside the state, a counter, a tied weight, a frozen one."""

    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.norm = nn.BatchNorm1d(8)
        self.drop = nn.Dropout(0.3)
        self.second, self.tied = nn.Linear(8, 8), nn.Linear(8, 8)
        self.tied.weight = self.second.weight
        self.last = nn.Linear(8, 1)
        self.frozen = nn.Parameter(torch.ones(1), requires_grad=False)
        self.register_buffer("table", torch.zeros(8), persistent=False)
        self.calls, self.seen, self.noise = 0, list[int](), torch.Generator().manual_seed(3)

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen.append(len(x))
        hidden = self.drop(torch.relu(self.norm(self.first(x))))
        self.table += hidden.detach().mean(0)
        hidden = hidden + 0.01 * torch.randn(hidden.shape, generator=self.noise)
        hidden = self.tied(torch.relu(self.second(hidden))) + 0.001 * self.table
        return self.last(hidden) * self.frozen


class Noisy(Dataset[Any]):
    """Draws from all there is to draw from, and has a position of its own."""

    def __init__(self) -> None:
        self.rng, self.position = np.random.default_rng(5), 0

    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        self.position += 1
        noise = self.rng.normal() + random.random() + float(np.random.rand()) + float(torch.rand(1))
        x = torch.full((4,), float(index)) / 24 + 0.01 * noise + 0.001 * self.position
        return x, x.sum().reshape(1)


class Stream:
    """Goes on where it stopped, as a reader of a file does."""

    def __init__(self) -> None:
        self.at = 0

    def __iter__(self) -> Iterator[Any]:
        for _ in range(3):
            self.at += 1
            x = torch.sin(torch.arange(32.0) * self.at).reshape(8, 4)
            yield x, x.sum(1, keepdim=True)


def memory() -> tuple[Tensor, Tensor]:
    x = torch.randn(40, 4, generator=torch.Generator().manual_seed(1))
    return x, (x**2).sum(1, keepdim=True)


DATA: dict[str, Callable[[], Any]] = {
    "memory": memory,
    "own generator": lambda: DataLoader(
        TensorDataset(*memory()), 8, shuffle=True, generator=torch.Generator().manual_seed(2)
    ),
    "global generator": lambda: DataLoader(TensorDataset(*memory()), 8, shuffle=True),
    "noisy": Noisy,
    "noisy loader": lambda: DataLoader(Noisy(), 8, shuffle=True),
    "stream": Stream,
}


def trained(model: nn.Module, optimizer: Any, data: Any) -> list[Tensor]:
    made = batches(data)
    for epoch in (1, 2):
        for _ in train(model, nn.MSELoss(), optimizer, made.epoch(epoch)):
            pass
    draws = [torch.rand(3), torch.tensor([random.random(), np.random.rand()])]
    return [one.detach().clone() for one in (*model.parameters(), *model.buffers())] + draws


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return len(one) == len(other) and all(a.equal(b) for a, b in zip(one, other, strict=True))


def started(optimizer: str, data: str) -> tuple[Net, Any, Any]:
    """A training that is under way: states, gradients, positions, all are somewhere."""
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    model, source = Net(), DATA[data]()
    held = OPTIMIZERS[optimizer](p for p in model.parameters() if p.requires_grad)
    trained(model, held, source)
    return model, held, source


def shape(value: Any) -> Any:
    """A state with the type of everything in it, comparable."""
    if isinstance(value, Tensor):
        return type(value), value.dtype, value.tolist()
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value), [shape(part) for part in value]
    return type(value), value


def search(model: Any, optimizer: Any, data: Any, **options: Any) -> RateSearch:
    options = {"updates": 20, "lowest": 1e-4, "progress": False} | options
    return find_lr(model, options.pop("loss_fn", nn.MSELoss()), optimizer, data, **options)


CASES = [*((name, "memory") for name in OPTIMIZERS), *(("adamw", name) for name in DATA)]


@pytest.mark.parametrize(("optimizer", "data"), CASES)
@pytest.mark.parametrize("seed", [0, None])
def test_training_goes_on_as_if_it_had_never_searched(
    optimizer: str, data: str, seed: int | None
) -> None:
    expected = trained(*started(optimizer, data))
    assert all(bool(one.isfinite().all()) for one in expected)  # NaN is never equal to itself
    model, held, source = started(optimizer, data)
    weights = [p.data_ptr() for p in model.parameters()]
    gradients = [p.grad for p in model.parameters()]
    state, kept = shape(held.state_dict()), dict(held.state)
    groups = [id(group) for group in held.param_groups]
    values = [None if g is None else g.clone() for g in gradients]
    modes, calls, seen = [m.training for m in model.modules()], model.calls, model.seen
    listed = list(seen)

    found = search(model, held, source, seed=seed)

    assert len(found.rates) > 5
    assert weights == [p.data_ptr() for p in model.parameters()]
    for parameter, gradient, value in zip(model.parameters(), gradients, values, strict=True):
        assert parameter.grad is gradient
        assert gradient is None or value is None or gradient.equal(value)
    assert shape(held.state_dict()) == state
    assert all(held.state[p] is entry for p, entry in kept.items())
    assert [id(group) for group in held.param_groups] == groups
    assert [m.training for m in model.modules()] == modes
    assert (model.calls, model.seen) == (calls, listed)
    assert model.seen is seen
    assert same(trained(model, held, source), expected)


class Failing(nn.Module):
    def __init__(self, error: BaseException | float, after: int = 6) -> None:
        super().__init__()
        self.error, self.after = error, after
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, prediction: Tensor, targets: Tensor) -> Tensor:
        self.calls += 1
        if int(self.calls) > self.after:
            if isinstance(self.error, BaseException):
                raise self.error
            return (prediction - targets).pow(2).mean() * self.error
        return (prediction - targets).pow(2).mean()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("disk"), math.nan, math.inf])
def test_whatever_ends_it_everything_is_put_back(error: BaseException | float) -> None:
    expected = trained(*started("adamw", "own generator"))
    model, held, source = started("adamw", "own generator")
    loss_fn = Failing(error)
    if isinstance(error, BaseException):
        with pytest.raises(type(error)):
            search(model, held, source, loss_fn=loss_fn)
    else:
        found = search(model, held, source, loss_fn=loss_fn)
        assert (found.reason, len(found.rates), len(found.losses)) == ("nonfinite", 6, 6)
        assert not math.isfinite(found.losses[-1])
        assert all(map(math.isfinite, found.smoothed))
    assert int(loss_fn.get_buffer("calls")) == 0
    assert same(trained(model, held, source), expected)


def test_a_first_interrupt_ends_it_with_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    model, held, source = started("adamw", "memory")

    class Requested:
        requested = True

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(MODULE, "Interrupt", Requested)
    found = search(model, held, source)
    assert (found.reason, found.rates, found.learning_rate) == ("interrupted", [], None)
    assert "too few rates" in found.summary()


def test_rates_and_losses_are_those_of_a_plain_loop() -> None:
    x, y = memory()
    data = [(x[:20], y[:20]), (x[20:], y[20:])]
    model = nn.Linear(4, 1)
    twin = copy.deepcopy(model)
    found = find_lr(
        model, nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=3.0), data,
        lowest=1e-3, highest=1e-1, updates=11, progress=False,
    )  # fmt: skip
    optimizer = torch.optim.SGD(twin.parameters(), lr=1.0)
    losses: list[float] = []
    for number in range(12):
        inputs, targets = data[number % 2]
        loss = nn.functional.mse_loss(twin(inputs), targets)
        losses.append(loss.item())
        if number < 11:
            optimizer.param_groups[0]["lr"] = found.rates[number]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert found.rates == pytest.approx([1e-3 * 10 ** (i / 5) for i in range(11)])
    assert found.losses == losses[1:]  # the loss that each update led to
    assert (found.reason, len(found.smoothed)) == ("finished", 11)


def test_a_summed_loss_is_told_per_sample() -> None:
    x, y = memory()
    found: list[RateSearch] = []
    for reduction, rate in (("mean", 1.0), ("sum", 1 / 20)):
        model = nn.Linear(4, 1)
        for parameter in model.parameters():
            nn.init.zeros_(parameter)
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        options = {"lowest": 1e-4 * rate, "highest": 1e-2 * rate, "updates": 12}
        data = [(x[:20], y[:20]), (x[20:], y[20:])]
        loss_fn = nn.MSELoss(reduction=reduction)
        found.append(search(model, optimizer, data, loss_fn=loss_fn, **options))
    assert found[1].losses == pytest.approx(found[0].losses, rel=1e-5)


def test_a_loss_of_several_terms_is_searched_like_their_sum() -> None:
    x, y = memory()
    found: list[RateSearch] = []
    for several in (False, True):
        torch.manual_seed(2)
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        def loss_fn(prediction: Tensor, targets: Tensor, several: bool = several) -> Any:
            error, size = nn.functional.mse_loss(prediction, targets), prediction.square().mean()
            total = error + 0.1 * size
            return {"loss": total, "error": error, "size": size} if several else total

        found.append(search(model, optimizer, (x, y), loss_fn=loss_fn, updates=12))
    assert found[1].losses == found[0].losses


def test_whole_batches_go_to_forward_and_loss() -> None:
    x, y = memory()
    torch.manual_seed(2)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = [{"x": x[:20], "y": y[:20]}, {"x": x[20:], "y": y[20:]}]

    def forward(model: Any, batch: dict[str, Tensor]) -> Tensor:
        return model(batch["x"])

    def loss_fn(prediction: Tensor, batch: Any) -> Any:
        return {"loss": nn.functional.mse_loss(prediction, batch["y"])}

    found = search(
        model, optimizer, data, loss_fn=loss_fn, updates=12, lowest=1e-4, highest=1e-2,
        forward=forward,
    )  # fmt: skip
    plain = search(
        model, optimizer, [(x[:20], y[:20]), (x[20:], y[20:])], updates=12, lowest=1e-4,
        highest=1e-2,
    )  # fmt: skip
    assert found.losses == plain.losses


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_what_a_loss_ignores_is_not_counted(reduction: str) -> None:
    torch.manual_seed(2)
    model, x = nn.Linear(4, 3), torch.randn(12, 4)
    y = torch.tensor([0, 1, -100, 2, 0, 1, -100, -100, -100, -100, -100, -100])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = [(x[:6], y[:6]), (x[6:], y[6:])]  # nothing in the second counts: its mean is 0 / 0
    found = search(
        model, optimizer, data, loss_fn=nn.CrossEntropyLoss(reduction=reduction), updates=12,
        lowest=1e-12, highest=1e-11,
    )  # fmt: skip
    mean = nn.functional.cross_entropy(model(x[:6]), y[:6]).item()
    assert found.losses == pytest.approx([mean] * 12, rel=1e-5)
    assert found.reason == "finished"


def test_groups_keep_their_proportions() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 1))
    groups = [
        {"params": model[0].parameters(), "lr": torch.tensor(0.01)},
        {"params": [model[1].weight], "lr": 0.04},
        {"params": [model[1].bias], "lr": 0.0},
    ]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    rates: list[list[float]] = []

    copied = copy.deepcopy

    def note(held: Any, args: Any, kwargs: Any) -> None:
        rates.append([float(group["lr"]) for group in held.param_groups])

    def spied(value: Any, memo: Any = None) -> Any:
        made = copied(value, memo)
        if isinstance(made, torch.optim.SGD):
            made.register_step_pre_hook(note)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copy, "deepcopy", spied)
        found = search(model, optimizer, memory(), highest=1e-2)
    assert [one[1] for one in rates] == found.rates
    assert [one[0] for one in rates] == pytest.approx([rate / 4 for rate in found.rates])
    assert {one[2] for one in rates} == {0.0}


def test_hooks_and_schedules_do_not_move() -> None:
    model, said = Net(), list[int]()

    def post(held: Any, args: Any, kwargs: Any) -> None:
        said.append(2)
        schedules[-1].step()

    schedules: list[StepLR] = []
    first = torch.optim.SGD(model.first.parameters(), lr=0.1)
    rest = torch.optim.Adam(model.last.parameters())
    for optimizer in (first, together(first, rest), Wrapped(first), Wrapped(together(first, rest))):
        schedule = StepLR(optimizer, 1)
        schedules.append(schedule)
        handles = [
            optimizer.register_step_pre_hook(lambda *_: said.append(1)),
            optimizer.register_step_post_hook(post),
        ]
        before = (dict(schedule.state_dict()), [g["lr"] for g in optimizer.param_groups])
        assert len(search(model, optimizer, memory()).rates) > 5
        assert (dict(schedule.state_dict()), [g["lr"] for g in optimizer.param_groups]) == before
        assert not first.state
        assert not rest.state
        assert not said
        for handle in handles:
            handle.remove()


class Wrapped(Wrapping):
    """Steps in every third iteration, as a window of accumulation does."""

    def __init__(self, inner: Any, window: int = 1) -> None:
        super().__init__(inner)
        self.window, self.calls = window, 0

    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.calls += 1
        if self.calls % self.window == 0:
            self.inner.step()


def test_updates_are_counted_not_iterations() -> None:
    model = nn.Linear(4, 1)
    inner = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = memory()
    data = [(x[i : i + 10], y[i : i + 10]) for i in range(0, 40, 10)]
    calls: list[float] = []

    def loss_fn(prediction: Tensor, targets: Tensor) -> Tensor:
        loss = nn.functional.mse_loss(prediction, targets)
        calls.append(loss.item())
        return loss

    found = search(model, Wrapped(inner, 3), data, loss_fn=loss_fn, highest=1e-3, updates=10)
    assert len(calls) == 31
    windows = [sum(calls[i : i + 3]) / 3 for i in range(3, 30, 3)]
    assert found.losses == pytest.approx([*windows, calls[30]])
    assert len(found.rates) == 10


def test_a_closure_a_compiled_model_and_a_plain_function_are_followed() -> None:
    x, y = memory()
    weight, bias = torch.zeros(4, 1, requires_grad=True), torch.zeros(1, requires_grad=True)

    def line(inputs: Tensor) -> Tensor:
        return inputs @ weight + bias

    def loss_fn(prediction: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.mse_loss(prediction, targets) + 0.1 * weight.pow(2).sum()

    optimizer = torch.optim.SGD([weight, bias], lr=0.1)
    options = {"loss_fn": loss_fn, "lowest": 1e-3, "highest": 0.1, "batch_size": 40}
    found = search(line, optimizer, (x, y), **options)
    assert found.learning_rate is not None
    assert not weight.any()
    assert weight.grad is None

    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1))
    compiled: Any = torch.compile(model, backend="eager")
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    assert len(search(compiled, optimizer, (x, y)).rates) > 5
    assert same(list(before.values()), list(model.state_dict().values()))


def test_modes_are_left_and_an_eval_model_is_searched_in_train_mode() -> None:
    model = Net().eval()
    held = torch.optim.SGD(model.last.parameters(), lr=0.1)
    seen: list[bool] = []

    def look(module: nn.Module, args: Any, output: Any) -> None:
        seen.append(model.drop.training)

    model.register_forward_hook(look)
    search(model, held, memory())
    assert set(seen) == {True}
    assert not any(module.training for module in model.modules())


def test_the_doctor_hears_nothing_of_it_and_all_that_follows() -> None:
    x, y = memory()
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def go(count: int) -> None:
        for _ in range(count):
            loss = nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    with listen() as doctor:
        go(30)
        search(model, optimizer, (x, y), lowest=1.0)
        go(30)
    assert doctor.report().findings == []
    assert doctor.record.length == 60


def test_the_suggestion_is_where_the_loss_falls_most_steeply() -> None:
    rates = np.geomspace(1e-5, 10, 61).tolist()
    place = np.log10(rates)
    losses = 2 - 1 / (1 + np.exp(-4 * (place + 2))) + np.exp(6 * (place - 0.3))
    rate, message = suggest(rates, losses.tolist(), 0.0, "finished")
    assert rate == pytest.approx(1e-2, rel=0.3)
    assert "most steeply at a learning rate of 0.01" in message
    falling = (2 - 1 / (1 + np.exp(-4 * (place + 2)))).tolist()
    assert "give a larger highest" in suggest(rates, falling, 0.0, "finished")[1]


def test_smoothing_shifts_nothing_and_caps() -> None:
    values = [0.0] * 20 + [1.0] * 20
    smoothed, spread = smooth(values, math.inf, 0.2)
    assert smoothed[19] + smoothed[20] == pytest.approx(1.0)
    assert spread == 0.0
    assert smooth(values, math.inf, 1.0)[0] == values
    assert max(smooth([1.0, 1.0, math.inf, math.nan], 4.0, 1.0)[0]) == 4.0
    assert smooth([], 1.0, 0.2) == ([], 0.0)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_noise_alone_hardly_ever_gets_a_suggestion(scale: float) -> None:
    rates, found = np.geomspace(1e-7, 10, 100).tolist(), 0
    for seed in range(200):
        noise = 5 + np.random.default_rng(seed).normal(size=100)
        smoothed, spread = smooth((scale * noise).tolist(), math.inf, 0.2)
        found += suggest(rates, smoothed, spread, "finished")[0] is not None
    assert found <= 10


def test_what_cannot_learn_and_what_only_diverges_get_no_suggestion() -> None:
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    flat = search(model, optimizer, memory(), lowest=1e-12, highest=1e-9)
    assert (flat.learning_rate, flat.reason) == (None, "finished")
    assert "did not fall by more than its noise" in flat.summary()
    wild = search(model, optimizer, memory(), lowest=5.0, highest=1e3)
    assert (wild.learning_rate, wild.reason) == (None, "diverged")
    assert "a smaller lowest" in wild.summary()


def test_a_suggestion_learns() -> None:
    torch.manual_seed(1)
    x = torch.randn(400, 4)
    y = (x**2).sum(1, keepdim=True)
    model = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters())
    found = find_lr(model, nn.MSELoss(), optimizer, (x, y), progress=False)
    assert found.learning_rate is not None
    assert found.reason == "diverged"
    before = nn.functional.mse_loss(model(x), y).item()
    optimizer.param_groups[0]["lr"] = found.learning_rate
    for epoch in range(1, 31):
        made = batches((x, y))
        for _ in train(model, nn.MSELoss(), optimizer, made.epoch(epoch)):
            pass
    assert nn.functional.mse_loss(model(x), y).item() < 0.3 * before


def test_it_is_shown_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found = find_lr(model, nn.MSELoss(), optimizer, memory(), lowest=1e-4, updates=30)
    assert found.summary() in capsys.readouterr().err
    assert search(model, optimizer, memory()).rates
    assert capsys.readouterr().err == ""


def test_the_plot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = RateSearch([0.1, 1.0, 10.0], [3.0, 2.0, 1e9], [3.0, 2.0, 4.0], 1.0, "diverged", "x")
    axis = found.plot(tmp_path / "rates.png")
    assert (tmp_path / "rates.png").stat().st_size > 1000
    assert axis.get_xscale() == "log"
    assert [line.get_label() for line in axis.lines] == ["loss", "smoothed", "suggestion: 1"]
    assert axis.get_ylim()[1] < 5
    RateSearch([], [], [], None, "nonfinite", "x").plot(tmp_path / "empty.png")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'fivestep\[plot\]'"):
        found.plot()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"updates": 9}, "updates=9 was given, and an int of at least 10"),
        ({"lowest": 0.0}, "lowest=0.0 was given"),
        ({"highest": math.inf}, "highest=inf was given"),
        ({"lowest": 1.0, "highest": 1.0}, "nothing lies between"),
        ({"smoothing": 1.5}, "smoothing=1.5 was given, and at most 1"),
        ({"stop_factor": 1.0}, "stop_factor=1 was given, and more than 1"),
        ({"stop_factor": True}, "stop_factor=True was given"),
        ({"seed": -1}, "seed=-1 was given"),
        ({"data": iter([])}, "used up after one pass"),
    ],
)
def test_what_is_refused(options: dict[str, Any], message: str) -> None:
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=message):
        search(model, optimizer, options.pop("data", memory()), **options)


def test_optimizers_that_are_refused() -> None:
    model = nn.Linear(4, 1)
    with pytest.raises(TypeError, match="LBFGS, which evaluates the model as often as it likes"):
        search(model, torch.optim.LBFGS(model.parameters()), memory())
    with pytest.raises(ValueError, match=r"the rates \[0.0\], and numbers, one of them above 0"):
        search(model, torch.optim.SGD(model.parameters(), lr=0.0), memory())


def test_data_that_gives_nothing_is_said() -> None:
    model = nn.Linear(4, 1)

    class Empty:
        def __iter__(self) -> Iterator[Any]:
            return iter([])

    with pytest.raises(ValueError, match="epoch 1 gave no batch"):
        search(model, torch.optim.SGD(model.parameters(), lr=0.1), Empty())


class Filling(Wrapping):
    """Clears by filling the gradients with zeros, as loops did before ``set_to_none``."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.inner.zero_grad(set_to_none=False)

    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.inner.step()


def test_gradients_that_are_filled_with_zeros_are_not_those_of_before() -> None:
    model, held, source = started("adamw", "memory")
    before = [(p.grad, None if p.grad is None else p.grad.clone()) for p in model.parameters()]
    search(model, Filling(held), source)
    for parameter, (gradient, value) in zip(model.parameters(), before, strict=True):
        assert parameter.grad is gradient
        assert gradient is None or (value is not None and gradient.equal(value))


def test_an_optimizer_that_never_moves_is_said() -> None:
    model = nn.Linear(4, 1)
    never = Wrapped(torch.optim.SGD(model.parameters(), lr=0.1), 10**9)
    with pytest.raises(ValueError, match="1000 batches were seen without an update"):
        search(model, never, memory())
