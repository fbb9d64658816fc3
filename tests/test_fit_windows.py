"""Windows of several batches, items and terms: held to closed forms and to the whole batch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from fivestep.attach.accumulate import Accumulated, accumulate
from fivestep.evaluate import evaluate
from fivestep.fit import fit
from fivestep.items import Items
from fivestep.loop import train

DOUBLE = torch.float64
ROUNDING = 1e-12  # of float64, over the few dozen operations of these models

quiet = partial(fit, progress=False, watch=False)


class Slope(nn.Module):
    """One weight, from 0: the mean of its answers has gradient 1 for inputs of 1."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros((), dtype=DOUBLE))

    def forward(self, x: Tensor) -> Tensor:
        return self.w * x


def slope_after(count: int, window: int, train_on: Callable[..., None]) -> float:
    model = Slope()
    train_on(model, torch.optim.SGD(model.parameters(), lr=1.0), count, window)
    return model.w.item()


def by_fit(model: Slope, optimizer: Any, count: int, window: int) -> None:
    x = torch.ones(count, 1, dtype=DOUBLE)
    quiet(model, mean, optimizer, (x, x), epochs=1, batch_size=1, accumulate=window)


def by_train(model: Slope, optimizer: Any, count: int, window: int) -> None:
    wrapped = accumulate(optimizer, window)
    x = torch.ones(1, 1, dtype=DOUBLE)
    for _ in train(model, mean, wrapped, wrapped.batches([(x, x)] * count)):
        pass


def by_own_loop(model: Slope, optimizer: Any, count: int, window: int) -> None:
    wrapped = accumulate(optimizer, window)
    x = torch.ones(1, 1, dtype=DOUBLE)
    for inputs in wrapped.batches([x] * count):
        loss = model(inputs).mean()
        wrapped.zero_grad()
        loss.backward()
        wrapped.step()


def mean(prediction: Tensor, _: Any) -> Tensor:
    return prediction.mean()


@pytest.mark.parametrize("train_on", [by_fit, by_train, by_own_loop])
@pytest.mark.parametrize(
    ("count", "window", "truth"),
    [(6, 4, -2.0), (4, 4, -1.0), (3, 4, -1.0), (9, 2, -5.0), (1, 7, -1.0), (5, 1, -5.0)],
)
def test_a_last_short_window_is_a_real_update_of_its_own_size(
    train_on: Any, count: int, window: int, truth: float
) -> None:
    assert slope_after(count, window, train_on) == truth


def divided_by_window(model: Slope, optimizer: Any, count: int, window: int) -> None:
    for number in range(1, count + 1):
        (model(torch.ones(1, 1, dtype=DOUBLE)).mean() / window).backward()
        if number % window == 0 or number == count:
            optimizer.step()
            optimizer.zero_grad()


def never_stepped(model: Slope, optimizer: Any, count: int, window: int) -> None:
    for number in range(1, count + 1):
        (model(torch.ones(1, 1, dtype=DOUBLE)).mean() / window).backward()
        if number % window == 0:
            optimizer.step()
            optimizer.zero_grad()


def test_the_wrong_variants_give_the_figures_of_others() -> None:
    assert slope_after(6, 4, divided_by_window) == -1.5
    assert slope_after(6, 4, never_stepped) == -1.0


# --- The whole batch at once is the oracle ------------------------------------------------------


def tokens(count: int, ignored: float, seed: int) -> tuple[Tensor, Tensor]:
    made = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 5, 4, dtype=DOUBLE, generator=made)
    y = torch.randint(0, 3, (count, 5), generator=made)
    y[torch.rand(count, 5, generator=made) < ignored] = -100
    return x, y


class Tagger(nn.Module):
    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.inner = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).to(DOUBLE)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x).transpose(1, 2)


LOSSES: dict[str, Any] = {
    "mean over tokens": nn.CrossEntropyLoss(),
    "class weights": nn.CrossEntropyLoss(torch.tensor([0.2, 1.0, 5.0], dtype=DOUBLE)),
    "smoothed": nn.CrossEntropyLoss(label_smoothing=0.1),
    "function": functional.cross_entropy,
    "partial": partial(functional.cross_entropy, weight=torch.tensor([3.0, 1.0, 0.5]).to(DOUBLE)),
    "sum": nn.CrossEntropyLoss(reduction="sum"),
}
OPTIMIZERS: dict[str, Any] = {
    "sgd": partial(torch.optim.SGD, lr=0.3, momentum=0.9),
    "adamw": partial(torch.optim.AdamW, lr=0.01),
    "adagrad": partial(torch.optim.Adagrad, lr=0.1),
    "foreach": partial(torch.optim.RMSprop, lr=0.01, foreach=True),
}


def samples(batch: Any) -> int:
    return len(batch[0])


def fitted(loss: Any, make: Any, data: Any, **options: Any) -> tuple[nn.Module, Any]:
    model = Tagger()
    run = quiet(model, loss, make(model.parameters()), data, epochs=2, shuffle=False, **options)
    return model, run


def furthest(one: nn.Module, other: nn.Module) -> float:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return max((a - b).abs().max().item() for a, b in pairs)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("make", OPTIMIZERS)
def test_a_window_is_the_whole_batch(loss: str, make: str) -> None:
    data = tokens(22, 0.6, 3)
    split, run = fitted(LOSSES[loss], OPTIMIZERS[make], data, batch_size=2, accumulate=3)
    whole, at_once = fitted(LOSSES[loss], OPTIMIZERS[make], data, batch_size=6)
    assert furthest(split, whole) < ROUNDING
    assert run.history[-1]["update"] == at_once.history[-1]["update"] == 8
    assert run.epochs[-1]["loss"] == pytest.approx(at_once.epochs[-1]["loss"], rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 30), size=st.integers(1, 7), window=st.integers(2, 6),
    ignored=st.floats(0, 0.95), seed=st.integers(0, 99),
)  # fmt: skip
def test_any_size_of_data_batch_and_window(
    count: int, size: int, window: int, ignored: float, seed: int
) -> None:
    x, y = tokens(count, ignored, seed)
    y[0, 0] = 1  # something to learn from
    loss, make = nn.CrossEntropyLoss(), OPTIMIZERS["sgd"]
    split, _ = fitted(loss, make, (x, y), batch_size=size, accumulate=window)
    whole, _ = fitted(loss, make, (x, y), batch_size=size * window)
    assert furthest(split, whole) < ROUNDING


def test_counting_samples_where_tokens_count_would_be_seen() -> None:
    data = tokens(12, 0.6, 3)
    options: Any = {"batch_size": 2, "accumulate": 3}
    wrong, _ = fitted(nn.CrossEntropyLoss(), OPTIMIZERS["sgd"], data, items=samples, **options)
    right, _ = fitted(nn.CrossEntropyLoss(), OPTIMIZERS["sgd"], data, **options)
    assert furthest(wrong, right) > 1e-3


def test_items_of_the_users_own_are_asked_for_each_batch() -> None:
    data = tokens(12, 0.6, 3)

    def masked(prediction: Tensor, targets: Tensor) -> Tensor:
        kept = targets != -100
        losses = functional.cross_entropy(prediction, targets.clamp(min=0), reduction="none")
        return (losses * kept).sum() / kept.sum()

    def count(batch: Any) -> Tensor:
        return (batch[1] != -100).sum()

    options: Any = {"batch_size": 2, "accumulate": 3}
    own, _ = fitted(masked, OPTIMIZERS["sgd"], data, items=count, **options)
    torchs, _ = fitted(nn.CrossEntropyLoss(), OPTIMIZERS["sgd"], data, **options)
    assert furthest(own, torchs) < ROUNDING


@pytest.mark.parametrize("answer", [-1.0, float("nan"), "many", None, torch.ones(2)])
def test_items_that_are_no_number_are_refused(answer: Any) -> None:
    def count(_: Any) -> Any:
        return answer

    with pytest.raises((TypeError, ValueError), match=r"items gave .*\n  do: return how many"):
        fitted(nn.CrossEntropyLoss(), OPTIMIZERS["sgd"], tokens(4, 0, 0), items=count)


@pytest.mark.parametrize("answer", [-1.0, float("nan"), "many"])
def test_items_of_an_own_loop_are_looked_at_too(answer: Any) -> None:
    def count(_: Any) -> Any:
        return answer

    wrapped = accumulate(torch.optim.SGD(Slope().parameters(), lr=1.0), 2, items=count)
    with pytest.raises((TypeError, ValueError), match=r"items gave .*\n  do: return how many"):
        next(wrapped.batches([torch.ones(1)]))


# --- Batches and windows in which nothing counts ------------------------------------------------


@pytest.mark.parametrize("window", [1, 2, 3])
def test_batches_without_items_change_nothing(window: int) -> None:
    x, y = tokens(12, 0.3, 5)
    y[2:4] = -100
    model, run = fitted(
        nn.CrossEntropyLoss(), OPTIMIZERS["adamw"], (x, y), batch_size=2, accumulate=window
    )
    assert run.reason == "finished"
    assert run.history[-1]["iteration"] == 12
    assert all(bool(torch.isfinite(p).all()) for p in model.parameters())
    if window == 1:
        kept = torch.cat((x[:2], x[4:])), torch.cat((y[:2], y[4:]))
        without, _ = fitted(nn.CrossEntropyLoss(), OPTIMIZERS["adamw"], kept, batch_size=2)
        assert furthest(model, without) == 0


def test_a_window_without_items_is_no_update() -> None:
    x, y = tokens(12, 0.3, 5)
    y[4:8] = -100
    _, run = fitted(nn.CrossEntropyLoss(), OPTIMIZERS["adamw"], (x, y), batch_size=2, accumulate=2)
    assert run.history[-1]["update"] == 4
    assert run.history[-1]["iteration"] == 12


def test_data_in_which_nothing_counts_is_refused() -> None:
    x, y = tokens(4, 1.0, 0)
    with pytest.raises(ValueError, match=r"nothing to learn from.*\n  do: check ignore_index"):
        fitted(nn.CrossEntropyLoss(), OPTIMIZERS["sgd"], (x, y))


# --- A window of one is the plain loop, to the bit ----------------------------------------------


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_a_window_of_one_batch_is_that_batch_to_the_bit(make: str) -> None:
    x, y = tokens(12, 0.3, 5)
    parts = list(zip(x.split(4), y.split(4), strict=True))
    one, other = Tagger(), Tagger()
    wrapped = accumulate(OPTIMIZERS[make](one.parameters()), 1)
    for _ in train(one, nn.CrossEntropyLoss(), wrapped, wrapped.batches(parts)):
        pass
    optimizer = OPTIMIZERS[make](other.parameters())
    for _ in train(other, nn.CrossEntropyLoss(), optimizer, parts):
        pass
    assert furthest(one, other) == 0


@pytest.mark.parametrize("order", ["FLZBU", "ZFLBU", "FZLBU", "FLBUZ"])
def test_every_order_of_the_steps_gives_the_same(order: str) -> None:
    x, y = tokens(14, 0.3, 5)
    parts = list(zip(x.split(2), y.split(2), strict=True))
    model, oracle = Tagger(), Tagger()
    wrapped = accumulate(torch.optim.SGD(model.parameters(), lr=0.1), 3)
    for inputs, targets in wrapped.batches(parts):
        prediction = loss = None
        for step in order:
            if step == "F":
                prediction = model(inputs)
            elif step == "L":
                loss = nn.CrossEntropyLoss(reduction="mean")(prediction, targets)
            elif step == "Z":
                wrapped.zero_grad()
            elif step == "B":
                loss.backward()  # pyright: ignore
            else:
                wrapped.step()
    plain = torch.optim.SGD(oracle.parameters(), lr=0.1)
    samples = [(x[:6], y[:6]), (x[6:12], y[6:12]), (x[12:], y[12:])]
    for inputs, targets in samples:
        # Batches are weighed by their samples: the oracle is the mean of their means.
        parts = zip(inputs.split(2), targets.split(2), strict=True)
        losses = [nn.CrossEntropyLoss()(oracle(a), b) for a, b in parts]
        plain.zero_grad()
        torch.stack(losses).mean().backward()
        plain.step()
    assert furthest(model, oracle) < ROUNDING


def test_half_precision_gradients_are_summed_in_single() -> None:
    parameter = nn.Parameter(torch.zeros(1, dtype=torch.bfloat16))
    wrapped = accumulate(torch.optim.SGD([parameter], lr=1.0), 512)
    for _ in wrapped.batches([torch.ones(1)] * 512):
        (parameter * 1.0).sum().backward()
        wrapped.step()
    assert parameter.item() == -1.0  # in bfloat16 256 + 1 is 256


def test_parameters_that_some_batches_leave_out() -> None:
    a, b = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    wrapped = accumulate(torch.optim.SGD([a, b], lr=1.0), 2)
    for number, _ in enumerate(wrapped.batches([torch.ones(1)] * 2)):
        (a if number else a + b).sum().backward()
        wrapped.step()
    assert (a.item(), b.item()) == (-1.0, -0.5)


# --- Misuse -------------------------------------------------------------------------------------


def wrapped_slope(window: int = 2) -> tuple[Slope, Accumulated]:
    model = Slope()
    return model, accumulate(torch.optim.SGD(model.parameters(), lr=1.0), window)


def test_a_step_that_nobody_counted_is_refused() -> None:
    model, wrapped = wrapped_slope()
    model(torch.ones(1, dtype=DOUBLE)).sum().backward()
    with pytest.raises(ValueError, match=r"nobody said how many items.*\n  do: for batch in"):
        wrapped.step()


def test_a_loop_that_is_left_early_carries_nothing_over() -> None:
    model, wrapped = wrapped_slope(4)
    ones = [torch.ones(1, dtype=DOUBLE)] * 3
    for number, inputs in enumerate(wrapped.batches(ones)):
        model(inputs * 100).sum().backward()
        wrapped.step()
        if number == 1:
            break
    assert model.w.item() == 0
    for inputs in wrapped.batches(ones):
        model(inputs).sum().backward()
        wrapped.step()
    assert model.w.item() == -1


def test_flush_makes_an_update_of_what_is_there() -> None:
    model, wrapped = wrapped_slope(4)
    wrapped.expect(1)
    model(torch.ones(1, dtype=DOUBLE)).sum().backward()
    wrapped.step()
    assert (wrapped.held, wrapped.flush(), wrapped.held, wrapped.flush()) == (1, True, 0, False)
    assert model.w.item() == -1


@pytest.mark.parametrize(
    ("window", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)]
)
def test_a_window_is_a_count(window: Any, error: Any) -> None:
    with pytest.raises(error, match="window="):
        wrapped_slope(window)


def test_lbfgs_is_refused() -> None:
    with pytest.raises(TypeError, match=r"LBFGS evaluates the loss itself.*\n  do: use larger"):
        accumulate(torch.optim.LBFGS(Slope().parameters()), 2)


def test_it_looks_like_the_optimizer_within() -> None:
    model = Slope()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    wrapped = accumulate(optimizer, 2)
    assert wrapped.param_groups is optimizer.param_groups
    assert wrapped.state is optimizer.state
    assert repr(wrapped).startswith("Accumulated(AdamW (")
    schedule = torch.optim.lr_scheduler.StepLR(wrapped, 1)
    model(torch.ones(1, dtype=DOUBLE)).sum().backward()
    wrapped.expect(1)
    wrapped.step()
    wrapped.flush()
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01)
    state = copy.deepcopy(wrapped.state_dict())
    torch.optim.AdamW(Slope().parameters(), lr=0.5).load_state_dict(state)


# --- Evaluation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("size", [1, 3, 5, 22])
def test_an_evaluation_does_not_depend_on_the_batch_size(loss: str, size: int) -> None:
    x, y = tokens(22, 0.6, 3)
    y[5:8] = -100  # whole batches of one and of three in which nothing counts
    model = Tagger()
    whole = LOSSES[loss](model(x), y).item()
    if loss == "sum":
        whole /= int((y != -100).sum())
    found = evaluate(model, LOSSES[loss], (x, y), batch_size=size)["loss"]
    assert found == pytest.approx(whole, rel=1e-12)


def test_class_probabilities_are_counted_by_sample() -> None:
    x, y = tokens(7, 0, 3)
    soft = functional.one_hot(y, 3).to(DOUBLE).transpose(1, 2)
    loss = nn.CrossEntropyLoss(torch.tensor([0.2, 1.0, 5.0], dtype=DOUBLE))
    model = Tagger()
    whole = loss(model(x), soft).item()
    found = evaluate(model, loss, (x, soft), batch_size=3)["loss"]
    assert found == pytest.approx(whole, rel=1e-12)
    assert Items(loss)(x, soft) == 7


# --- Terms, and batches of the user's own shape -------------------------------------------------


def dicts(data: tuple[Tensor, Tensor], size: int) -> list[dict[str, Tensor]]:
    x, y = data
    return [{"x": a, "y": b} for a, b in zip(x.split(size), y.split(size), strict=True)]


def two_terms(prediction: Tensor, batch: dict[str, Tensor]) -> dict[str, Any]:
    fit_term = functional.cross_entropy(prediction, batch["y"])
    size = prediction.square().mean()
    return {"loss": fit_term + 0.1 * size, "fit": fit_term, "size": size.detach(), "of": 3}


def right_share(prediction: Tensor, batch: dict[str, Tensor]) -> Tensor:
    return (prediction.argmax(1) == batch["y"]).double().mean()


def test_a_forward_and_a_loss_over_the_whole_batch() -> None:
    data, model, oracle = tokens(12, 0, 3), Tagger(), Tagger()
    run = quiet(
        model, two_terms, torch.optim.SGD(model.parameters(), lr=0.1), dicts(data, 4), epochs=2,
        forward=lambda m, b: m(b["x"]), validate=dicts(data, 5), items=lambda b: len(b["y"]),
        metrics={"right": right_share},
    )  # fmt: skip
    plain = torch.optim.SGD(oracle.parameters(), lr=0.1)
    for _ in range(2):
        for batch in dicts(data, 4):
            plain.zero_grad()
            two_terms(oracle(batch["x"]), batch)["loss"].backward()
            plain.step()
    assert furthest(model, oracle) == 0
    last = run.epochs[-1]
    assert {"fit", "size", "of", "validation_fit", "validation_size"} <= set(last)
    assert last["of"] == 3
    assert last["loss"] == pytest.approx(last["fit"] + 0.1 * last["size"], rel=1e-9)
    whole = two_terms(model(data[0]), {"y": data[1]})
    assert last["validation_loss"] == pytest.approx(whole["loss"].item(), rel=1e-12)
    right = (model(data[0]).argmax(1) == data[1]).double().mean().item()
    assert last["validation_right"] == pytest.approx(right)


def without_a_loss(prediction: Tensor, _: Any) -> dict[str, Tensor]:
    return {"fit": prediction.mean()}


def with_a_matrix(prediction: Tensor, _: Any) -> dict[str, Tensor]:
    return {"loss": prediction.mean(), "each": prediction}


def test_terms_without_a_loss_are_refused() -> None:
    with pytest.raises(ValueError, match=r"none of them is 'loss'.*\n  do: return \{'loss'"):
        fitted(without_a_loss, OPTIMIZERS["sgd"], tokens(4, 0, 0))


def test_a_term_that_is_no_scalar_is_refused() -> None:
    with pytest.raises(TypeError, match=r"term 'each' .* shape .*\n  do: reduce it"):
        fitted(with_a_matrix, OPTIMIZERS["sgd"], tokens(4, 0, 0))


def test_an_own_loop_counts_samples_as_fit_does() -> None:
    """Of sequences (time, samples, features) the targets know how many samples there are."""
    torch.manual_seed(0)
    data = [
        (torch.randn(5, 8, 3, dtype=DOUBLE), torch.randn(8, dtype=DOUBLE)),
        (torch.randn(20, 2, 3, dtype=DOUBLE), torch.randn(2, dtype=DOUBLE)),
    ]

    def loss_fn(prediction: Tensor, targets: Tensor) -> Tensor:
        return functional.mse_loss(prediction.mean(0).squeeze(-1), targets)

    models = [nn.Linear(3, 1, dtype=DOUBLE) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    quiet(models[0], loss_fn, torch.optim.SGD(models[0].parameters(), lr=1.0), data,
          epochs=1, accumulate=2)  # fmt: skip
    wrapped = accumulate(torch.optim.SGD(models[1].parameters(), lr=1.0), 2)
    for inputs, targets in wrapped.batches(data):
        wrapped.zero_grad()
        loss_fn(models[1](inputs), targets).backward()
        wrapped.step()
    for mine, theirs in zip(models[1].parameters(), models[0].parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_gradients_that_are_views_of_a_shared_bucket_are_copied() -> None:
    """As DDP hands them out: its next backward writes over them."""
    weight = nn.Parameter(torch.zeros(3, dtype=DOUBLE))
    bucket = torch.zeros(6, dtype=DOUBLE)
    wrapped = accumulate(torch.optim.SGD([weight], lr=1.0), 2)
    for value in (1.0, 3.0):
        bucket.fill_(value)
        weight.grad = bucket[:3]
        wrapped.expect(1)
        wrapped.step()
    assert weight.tolist() == [-2.0] * 3
