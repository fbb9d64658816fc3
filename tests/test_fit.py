"""``fit`` is the loop written by hand: the same bits on every kind of data, for every optimizer."""

# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from by_hand import assert_same, assert_same_training, closure_loop, plain_loop, twins
from torch import nn
from torch.nn import functional
from torch.optim import lr_scheduler
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)

from fivestep import Run, fit

COUNT, SIZE, EPOCHS, SEED = 37, 8, 3, 11
X = torch.randn(COUNT, 3, generator=torch.Generator().manual_seed(1))
Y = torch.randn(COUNT, 2, generator=torch.Generator().manual_seed(2))

Loop = Callable[..., None]
Epochs = Callable[[int], Iterable[Any]]  # the batches of an epoch, as a person would make them


def network(*, dropout: float = 0.3, dtype: Any = torch.float32) -> nn.Module:
    layers = [nn.Linear(3, 7), nn.BatchNorm1d(7), nn.Tanh(), nn.Dropout(dropout), nn.Linear(7, 2)]
    return nn.Sequential(*layers).to(dtype)


OPTIMIZERS: dict[str, tuple[Callable[..., torch.optim.Optimizer], Loop]] = {
    "SGD": (partial(torch.optim.SGD, lr=0.05, momentum=0.9, weight_decay=0.01), plain_loop),
    "Adam": (partial(torch.optim.Adam, lr=0.01, amsgrad=True), plain_loop),
    "Adam, fused": (partial(torch.optim.Adam, lr=0.01, fused=True), plain_loop),
    "AdamW": (partial(torch.optim.AdamW, lr=0.01, foreach=False), plain_loop),
    "LBFGS": (partial(torch.optim.LBFGS, lr=0.1, max_iter=5), closure_loop),
    "LBFGS, strong Wolfe": (
        partial(torch.optim.LBFGS, max_iter=5, line_search_fn="strong_wolfe"),
        closure_loop,
    ),
}


def compare(
    data: Any, epochs: Epochs, *, model: nn.Module | None = None, optimizer: str = "SGD",
    loss_fn: Any = functional.mse_loss, **options: Any,
) -> Run:  # fmt: skip
    """Train one twin by hand and the other with ``fit``; hold them to the same bits."""
    make, loop = OPTIMIZERS[optimizer]
    theirs, ours = twins(model or network(), make)
    seed_by_hand(SEED)
    for epoch in range(1, EPOCHS + 1):
        loop(theirs[0], loss_fn, theirs[1], epochs(epoch))
    run = fit(ours[0], loss_fn, ours[1], data, epochs=EPOCHS, seed=SEED, progress=False, **options)
    assert run.reason == "finished"
    assert_same_training(theirs, ours)
    return run


def seed_by_hand(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def shuffled(inputs: Any = X, targets: Any = Y, size: int = SIZE) -> Epochs:
    def epoch(number: int) -> Iterator[Any]:
        order = np.random.default_rng((SEED, number)).permutation(len(targets))
        for start in range(0, len(order), size):
            rows = torch.from_numpy(order[start : start + size])
            yield inputs[rows], targets[rows]

    return epoch


def in_order(inputs: Any = X, targets: Any = Y) -> Epochs:
    return lambda _: [
        (inputs[start : start + SIZE], targets[start : start + SIZE])
        for start in range(0, len(targets), SIZE)
    ]


# --- The same bits ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_same_bits_as_by_hand(optimizer: str, dtype: torch.dtype) -> None:
    x, y, model = X.to(dtype), Y.to(dtype), network(dtype=dtype)
    run = compare((x, y), shuffled(x, y), model=model, optimizer=optimizer, batch_size=SIZE)
    assert run.history[-1]["update"] == run.history[-1]["iteration"] == EPOCHS * 5


@pytest.mark.parametrize("optimizer", ["SGD", "LBFGS"])
def test_same_bits_unshuffled(optimizer: str) -> None:
    compare((X, Y), in_order(), optimizer=optimizer, shuffle=False, batch_size=SIZE)


def test_same_bits_in_one_batch_and_in_batches_of_one() -> None:
    plain = nn.Linear(3, 2)
    compare((X, Y), shuffled(size=COUNT), batch_size=1000)
    compare((X, Y), shuffled(size=1), model=plain, batch_size=1)


def test_32_samples_are_the_default() -> None:
    compare((X, Y), shuffled(size=32))


class Augmented(Dataset[Any]):
    """Draws from all three global generators, as augmentations do."""

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        noise = random.random() + np.random.rand() + torch.rand(())
        return X[index] + noise, Y[index]


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        for x, y in zip(X, Y, strict=True):
            yield x + torch.rand(()), y


class Own:
    """Re-iterable, and no class of torch's."""

    def __iter__(self) -> Any:
        for x, y in in_order()(1):
            yield x + torch.rand(()), y


def halves() -> Any:
    return random_split(TensorDataset(X, Y), [20, 17], torch.Generator().manual_seed(4))[0]


def subset_by_hand() -> Epochs:
    indices = torch.tensor(halves().indices)
    return shuffled(X[indices], Y[indices])


def augmented_by_hand(number: int) -> Iterator[Any]:
    order = np.random.default_rng((SEED, number)).permutation(COUNT)
    data = Augmented()
    for start in range(0, COUNT, SIZE):
        samples = [data[int(index)] for index in order[start : start + SIZE]]
        yield tuple(torch.stack(part) for part in zip(*samples, strict=True))


def stream_by_hand(_: int) -> Iterator[Any]:
    samples = list[Any]()
    for sample in Stream():
        samples.append(sample)
        if len(samples) == SIZE:
            yield tuple(torch.stack(part) for part in zip(*samples, strict=True))
            samples.clear()
    yield tuple(torch.stack(part) for part in zip(*samples, strict=True))


def frame_of_targets() -> Any:
    return pd.DataFrame(Y.numpy(), index=range(5, 5 + COUNT))


KINDS: dict[str, tuple[Callable[[], Any], Callable[[], Epochs]]] = {
    "arrays": (lambda: (X.numpy(), Y.numpy()), shuffled),
    "float64 arrays": (lambda: (X.double().numpy(), Y.double().numpy()), shuffled),
    "frames": (lambda: (pd.DataFrame(X.numpy()), frame_of_targets()), shuffled),
    "lists": (lambda: (X.tolist(), Y.tolist()), shuffled),
    "TensorDataset": (lambda: TensorDataset(X, Y), shuffled),
    "Subset": (lambda: Subset(TensorDataset(X, Y), range(COUNT)), shuffled),
    "random_split": (halves, subset_by_hand),
    "own data set": (Augmented, lambda: augmented_by_hand),
    "stream": (Stream, lambda: stream_by_hand),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_same_bits_for_every_kind_of_data(kind: str) -> None:
    data, by_hand = KINDS[kind]
    compare(data(), by_hand(), batch_size=SIZE)


def loader(workers: int) -> Any:
    return DataLoader(Augmented(), batch_size=SIZE, shuffle=True, num_workers=workers)


BATCHES: dict[str, Callable[[], Any]] = {
    "loader": partial(loader, 0),
    "loader with workers": partial(loader, 2),
    "list": lambda: in_order()(1),
    "own class": Own,
    "loader of a stream": lambda: DataLoader(Stream(), batch_size=SIZE),
    "loader that drops": lambda: DataLoader(Augmented(), batch_size=SIZE, drop_last=True),
}


@pytest.mark.parametrize("kind", BATCHES)
def test_same_bits_for_what_makes_its_batches(kind: str) -> None:
    theirs = BATCHES[kind]()
    compare(BATCHES[kind](), lambda _: theirs)


class TakesTwo(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 2), nn.Linear(2, 2)

    def forward(self, a: Any, b: Any) -> Any:
        return self.a(a) + self.b(b)


def test_same_bits_for_several_inputs() -> None:
    def loop(spread: Callable[[nn.Module, Any, Any], Any]) -> Loop:
        def run(model: Any, loss_fn: Any, optimizer: Any, batches: Any) -> None:
            plain_loop(lambda pair: spread(model, *pair), loss_fn, optimizer, batches)

        return run

    def epochs(number: int) -> Any:
        rows = zip(shuffled()(number), shuffled(Y, Y)(number), strict=True)
        return [((x, y), targets) for (x, targets), (y, _) in rows]

    named = {"a": X, "b": Y}
    for inputs in ((X, Y), named, (X.numpy(), Y.numpy())):
        OPTIMIZERS["several"] = (OPTIMIZERS["SGD"][0], loop(lambda m, a, b: m(a, b)))
        try:
            compare((inputs, Y), epochs, model=TakesTwo(), optimizer="several", batch_size=SIZE)
        finally:
            del OPTIMIZERS["several"]


# --- Seeds -----------------------------------------------------------------------------------


def weights_after(seed: int | None, data: Any = (X, Y), **options: Any) -> Any:
    torch.manual_seed(99)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    fit(model, functional.mse_loss, optimizer, data, epochs=2, seed=seed, progress=False, **options)
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one: Any, other: Any) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("data", [(X, Y), Augmented(), Stream()], ids=["memory", "own", "stream"])
def test_same_seed_same_run_another_seed_another_run(data: Any) -> None:
    one, again, other = (weights_after(seed, data) for seed in (5, 5, 6))
    assert same(one, again)
    assert not same(one, other)


def test_the_default_seed_is_0() -> None:
    model = network()
    run = fit(
        model, functional.mse_loss, torch.optim.SGD(model.parameters(), lr=0.1), (X, Y), epochs=1,
        progress=False,
    )  # fmt: skip
    assert run.seed == 0


def test_the_seed_reaches_dropout_and_the_order() -> None:
    dropout = {seed: weights_after(seed, shuffle=False) for seed in (1, 2)}
    assert not same(dropout[1], dropout[2])


def draws() -> list[Any]:
    return [random.random(), np.random.rand(), torch.rand(()).item()]


@pytest.mark.parametrize(
    "data",
    [(X, Y), Augmented(), Stream(), loader(0), loader(2)],
    ids=["memory", "own", "stream", "loader", "workers"],
)
def test_with_a_seed_the_callers_random_numbers_are_as_if_fit_had_not_run(data: Any) -> None:
    model = network()
    seed_by_hand(3)
    expected = draws()
    seed_by_hand(3)
    fit(
        model, functional.mse_loss, torch.optim.SGD(model.parameters(), lr=0.1), data, epochs=2,
        validate=loader(0), progress=False,
    )  # fmt: skip
    assert draws() == expected


def test_after_a_failure_too() -> None:
    seed_by_hand(3)
    expected = draws()
    seed_by_hand(3)
    model: Any = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2))

    def fails(prediction: Any, targets: Any) -> Any:
        draws()
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        fit(
            model,
            fails,
            torch.optim.SGD(model.parameters(), lr=1),
            (X, Y),
            epochs=1,
            progress=False,
        )
    seed_by_hand(3)
    assert draws() == expected


def test_without_a_seed_the_random_numbers_flow_on() -> None:
    make, loop = OPTIMIZERS["SGD"]
    theirs, ours = twins(network(), make)
    both: list[Any] = []
    for number, twin in enumerate((theirs, ours)):
        seed_by_hand(8)
        if number == 0:
            for _ in range(2):
                order = torch.randperm(COUNT)
                loop(
                    *twin[:1],
                    functional.mse_loss,
                    twin[1],
                    [(X[i], Y[i]) for i in order.split(SIZE)],
                )
        else:
            fit(twin[0], functional.mse_loss, twin[1], (X, Y), epochs=2, seed=None,
                batch_size=SIZE, progress=False)  # fmt: skip
        both.append(draws())
    assert_same_training(theirs, ours)
    assert both[0] == both[1]


def test_a_large_seed() -> None:
    assert same(*(weights_after(seed, shuffle=False) for seed in (2**64 - 1, 2**64 - 1)))


# --- What is recorded ------------------------------------------------------------------------


def recorded(loss_fn: Any, **options: Any) -> tuple[Run, list[float], list[int]]:
    losses: list[float] = []
    sizes: list[int] = []

    class Noting:
        reduction = getattr(loss_fn, "reduction", "mean")

        def __call__(self, prediction: Any, targets: Any) -> Any:
            loss = loss_fn(prediction, targets)
            losses.append(loss.item())
            sizes.append(len(targets))
            return loss

    model = network(dropout=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    run = fit(
        model, Noting(), optimizer, (X, Y), epochs=2, batch_size=SIZE, progress=False, **options
    )
    return run, losses, sizes


def test_the_loss_of_an_epoch_is_the_mean_over_its_samples() -> None:
    run, losses, sizes = recorded(functional.mse_loss)
    for epoch, record in enumerate(run.history):
        part = slice(5 * epoch, 5 * epoch + 5)
        expected = np.average(losses[part], weights=sizes[part])
        assert record["loss"] == pytest.approx(expected, rel=1e-12)
        assert (record["when"], record["epoch"], record["iteration"]) == (
            "epoch",
            epoch + 1,
            5 * epoch + 5,
        )


def test_a_summed_loss_is_recorded_per_sample() -> None:
    run, losses, _ = recorded(nn.MSELoss(reduction="sum"))
    assert run.history[0]["loss"] == pytest.approx(sum(losses[:5]) / COUNT, rel=1e-12)


def test_every_n_updates_a_record_of_those_updates() -> None:
    run, losses, sizes = recorded(functional.mse_loss, log_every=3)
    updates = [record for record in run.history if record["when"] == "update"]
    assert [record["update"] for record in updates] == [3, 6, 9]
    for record in updates:
        part = slice(record["update"] - 3, record["update"])
        expected = np.average(losses[part], weights=sizes[part])
        assert record["loss"] == pytest.approx(expected, rel=1e-12)
    assert [record["epoch"] for record in run.history] == [1, 1, 2, 2, 2]


def test_the_gradient_norm_is_that_of_the_last_iteration() -> None:
    model = network(dropout=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    run = fit(model, functional.mse_loss, optimizer, (X, Y), epochs=2, progress=False)
    squares = [
        float((p.grad.double() ** 2).sum()) for p in model.parameters() if p.grad is not None
    ]
    assert run.history[-1]["gradient_norm"] == pytest.approx(sum(squares) ** 0.5, rel=1e-6)


# --- Schedules -------------------------------------------------------------------------------


def some_rate(*, tensor: bool) -> Any:
    return torch.tensor(0.1, dtype=torch.float64) if tensor else 0.1


def rates_by_hand(make: Any, every: str, *, tensor: bool) -> tuple[list[float], float]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=some_rate(tensor=tensor))
    schedule, used = make(optimizer), list[float]()
    for _ in range(EPOCHS):
        for _ in range(5):
            optimizer.step()
            used.append(float(optimizer.param_groups[0]["lr"]))
            if every == "update":
                schedule.step()
        if every == "epoch":
            schedule.step()
    return used, float(optimizer.param_groups[0]["lr"])


SCHEDULES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "StepLR": (lambda o: lr_scheduler.StepLR(o, 1, gamma=0.5), "epoch"),
    "StepLR by update": (lambda o: lr_scheduler.StepLR(o, 4, gamma=0.5), "update"),
    "OneCycleLR": (lambda o: lr_scheduler.OneCycleLR(o, 0.3, total_steps=5 * EPOCHS), "update"),
    "CosineAnnealingLR": (lambda o: lr_scheduler.CosineAnnealingLR(o, EPOCHS), "epoch"),
    "LambdaLR": (lambda o: lr_scheduler.LambdaLR(o, lambda step: 1 / (1 + step)), "update"),
    "SequentialLR": (
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o, 0.1), lr_scheduler.ExponentialLR(o, 0.9)], [4]
        ),
        "update",
    ),
    "ChainedScheduler": (
        lambda o: lr_scheduler.ChainedScheduler(
            [lr_scheduler.ConstantLR(o, 0.5, 1), lr_scheduler.ExponentialLR(o, 0.9)]
        ),
        "epoch",
    ),
}  # fmt: skip


@pytest.mark.parametrize("tensor_rate", [False, True], ids=["float", "tensor"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_the_rate_recorded_is_the_rate_used(name: str, tensor_rate: bool) -> None:
    make, every = SCHEDULES[name]
    with warnings.catch_warnings():
        # SequentialLR warns of its own epoch argument; fit must not add one on the order of steps.
        warnings.filterwarnings("ignore", message="The epoch parameter")
        used, after = rates_by_hand(make, every, tensor=tensor_rate)
        model = nn.Linear(3, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=some_rate(tensor=tensor_rate))
        seen: list[float] = []
        optimizer.register_step_pre_hook(lambda o, *_: seen.append(float(o.param_groups[0]["lr"])))
        options: Any = {"schedule": make(optimizer), "schedule_every": every}
        run = fit(
            model, functional.mse_loss, optimizer, (X, Y), epochs=EPOCHS, batch_size=SIZE,
            log_every=1, progress=False, **options,
        )  # fmt: skip
    assert seen == used
    assert float(optimizer.param_groups[0]["lr"]) == after
    updates = [r["learning_rate"] for r in run.history if r["when"] == "update"]
    assert updates == seen
    assert [r["learning_rate"] for r in run.epochs] == seen[4::5]


@pytest.mark.parametrize("optimizer", ["SGD", "LBFGS"])
def test_same_bits_with_a_schedule(optimizer: str) -> None:
    make, loop = OPTIMIZERS[optimizer]
    theirs, ours = twins(network(), make)
    seed_by_hand(SEED)
    schedule = lr_scheduler.StepLR(theirs[1], 1, gamma=0.5)
    for epoch in range(1, EPOCHS + 1):
        loop(theirs[0], functional.mse_loss, theirs[1], shuffled()(epoch))
        schedule.step()
    fit(
        ours[0], functional.mse_loss, ours[1], (X, Y), epochs=EPOCHS, seed=SEED, batch_size=SIZE,
        schedule=lr_scheduler.StepLR(ours[1], 1, gamma=0.5), progress=False,
    )  # fmt: skip
    for group in (*theirs[1].param_groups, *ours[1].param_groups):
        assert group["lr"] == make([nn.Parameter(torch.zeros(1))]).param_groups[0]["lr"] / 8
    assert_same(dict(theirs[0].state_dict()), dict(ours[0].state_dict()))


def test_rates_of_several_groups_are_all_recorded() -> None:
    model: Any = network()
    groups = [
        {"params": layer.parameters(), "lr": lr}
        for layer, lr in zip((model[0], model[4]), (0.1, 0.2), strict=True)
    ]  # pyright: ignore
    run = fit(model, functional.mse_loss, torch.optim.SGD(groups), (X, Y), epochs=1, progress=False)
    assert run.history[0]["learning_rate"] == 0.1
    assert run.history[0]["learning_rates"] == [0.1, 0.2]
