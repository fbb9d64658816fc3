"""What is told of what a small model has learnt, and that nothing of it is felt."""

# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch
from hand import Told, equal, staged
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from fivestep import Step, train
from fivestep.page.control import Control
from fivestep.page.perform import Attendant
from fivestep.page.stage import Stage
from fivestep.page.trial import trial

Make = Callable[[], nn.Module]
COUNT = 24
WATCHED = ["iteration"] * 40


def line(*, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.linspace(-1, 1, COUNT, dtype=dtype).unsqueeze(1)
    return x, 2 * x + 1


def corners(classes: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(1)
    x = torch.randn(COUNT, 2, generator=made)
    return x, (x[:, 0] > 0).long() if classes == 2 else (x[:, 0] > 0).long() + (x[:, 1] > 0).long()


def loop(
    make: Make, loss: Callable[[Any, Any], Any], data: tuple[torch.Tensor, torch.Tensor], *,
    iterations: int = 5, optimizer: Callable[[Any], Any] = lambda p: torch.optim.SGD(p, lr=0.1),
) -> list[torch.Tensor]:  # fmt: skip
    torch.manual_seed(0)
    model = make()
    made, (x, y) = optimizer(model.parameters()), data
    for _ in range(iterations):
        result = loss(model(x), y)
        made.zero_grad()
        result.backward()
        made.step()
    return [one.detach().clone() for one in model.parameters()]


def told(*args: Any, plan: Any = WATCHED, **options: Any) -> Told:
    return staged(lambda: loop(*args, **options), plan)[1]


def only(messages: list[Any]) -> Any:
    assert len(messages) == 1, messages
    return messages[0]


class Line(nn.Module):
    """A model as a learner writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(()))
        self.shift = nn.Parameter(torch.zeros(()))
        self.calls = 0
        self.seen: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.last = x.mean()
        return self._again(x)

    def _again(self, x: torch.Tensor) -> torch.Tensor:
        return self.slope * x + self.shift


class Loud(Line):
    def _again(self, x: torch.Tensor) -> torch.Tensor:
        print("here")  # noqa: T201
        return super()._again(x)


class OwnLoss(nn.Module):
    def forward(self, prediction: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.log(torch.cosh(prediction - y)).mean()


def mse(a: Any, b: Any) -> Any:
    return functional.mse_loss(a, b)


LINES: dict[str, tuple[Make, Callable[[Any, Any], Any], str]] = {
    "linear": (lambda: nn.Linear(1, 1), nn.MSELoss(), "f32"),
    "own module": (Line, nn.L1Loss(), "f32"),
    "float64": (lambda: nn.Linear(1, 1).double(), nn.HuberLoss(), "f64"),
    "functional": (lambda: nn.Linear(1, 1), mse, "f32"),
    "targets first": (lambda: nn.Linear(1, 1), lambda p, y: mse(y, p), "f32"),
    "by name": (
        lambda: nn.Linear(1, 1),
        lambda p, y: functional.mse_loss(target=y, input=p, reduction="sum"), "f32",
    ),
    "flat": (lambda: nn.Linear(1, 1), lambda p, y: mse(p.squeeze(1), y[:, 0]), "f32"),
    "one of one": (lambda: nn.Linear(1, 1), lambda p, y: mse(p.flatten(), y.flatten()), "f32"),
    "own loss": (lambda: nn.Linear(1, 1), OwnLoss(), "f32"),
    "squashed": (lambda: nn.Linear(1, 1), lambda p, y: mse(torch.sigmoid(p), y), "f32"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(LINES))
def test_a_line_and_the_surface_that_its_own_loss_has(name: str) -> None:
    make, loss, kind = LINES[name]
    x, y = line(dtype=torch.float64 if kind == "f64" else torch.float32)
    found = told(make, loss, (x, y))
    data = only(found.of("data"))
    assert (data["shape"], data["words"], data["more"]) == ("line", "", False)
    assert data["inputs"] == pytest.approx(x.flatten().tolist(), abs=1e-5)
    assert data["targets"] == pytest.approx(y.flatten().tolist(), abs=1e-5)
    fitted = found.of("fitted")
    assert [one["iteration"] for one in fitted] == [0, 1, 2, 3, 4, 5]
    surface = found.of("surface")[0]
    assert not surface["slice"]
    weight, bias = surface["start"]
    torch.manual_seed(0)
    model = make()
    assert [weight, bias] == pytest.approx([one.item() for one in model.parameters()], rel=1e-5)
    expected = _by_hand(make, loss, (x, y), surface)
    assert np.array(surface["loss"]) == pytest.approx(expected, rel=2e-3, abs=1e-6)
    assert len(surface["loss"]) == len(surface["loss"][0]) == len(surface["y"]) == 41


def _by_hand(make: Make, loss: Any, data: Any, surface: Any) -> Any:
    """The oracle: another model, each place set into it, one after the other."""
    model = make()
    first, second = model.parameters()
    rows: list[list[float]] = []
    with torch.no_grad():
        for b in surface["y"]:
            rows.append([])
            for a in surface["x"]:
                first.fill_(a)
                second.fill_(b)
                rows[-1].append(float(loss(model(data[0]), data[1])))
    return np.array(rows)


@pytest.mark.parametrize("squash", [False, True])
def test_the_line_is_what_the_loss_is_given(squash: bool) -> None:
    change = torch.sigmoid if squash else (lambda one: one)
    found = told(lambda: nn.Linear(1, 1), lambda p, y: mse(change(p), y), line(), iterations=3)
    weights = loop(lambda: nn.Linear(1, 1), lambda p, y: mse(change(p), y), line(), iterations=3)
    last = found.of("fitted")[-1]
    x = torch.tensor(last["xs"])
    expected = change(weights[0].flatten() * x + weights[1])
    assert last["ys"] == pytest.approx(expected.tolist(), abs=1e-4)
    assert last["xs"][0] < -1.1
    assert last["xs"][-1] > 1.1


def test_the_path_lies_on_the_surface_and_ends_where_the_weights_are() -> None:
    found = told(lambda: nn.Linear(1, 1), nn.MSELoss(), line(), iterations=12)
    weights = loop(lambda: nn.Linear(1, 1), nn.MSELoss(), line(), iterations=12)
    points = [one["point"] for one in found.of("iteration")]
    assert points[-1] == pytest.approx([float(one) for one in weights], rel=1e-5)
    surface = only(found.of("surface"))
    assert all(surface["x"][0] <= a <= surface["x"][-1] for a, _ in points)
    assert all(surface["y"][0] <= b <= surface["y"][-1] for _, b in points)
    losses = np.array(surface["loss"])
    row, column = np.unravel_index(losses.argmin(), losses.shape)
    assert [surface["x"][column], surface["y"][row]] == pytest.approx([2, 1], abs=0.3)


def test_a_path_that_leaves_the_surface_has_it_drawn_wider_until_it_is_lost() -> None:
    found = told(
        lambda: nn.Linear(1, 1), nn.MSELoss(), line(), iterations=40,
        optimizer=lambda p: torch.optim.SGD(p, lr=1.8),
    )  # fmt: skip
    surfaces = found.of("surface")
    assert 1 < len(surfaces) < 30
    widths = [one["x"][-1] - one["x"][0] for one in surfaces]
    assert widths == sorted(widths)
    assert widths[-1] < 1e7
    assert len(found.of("iteration")) == 40


CLASSES: dict[str, tuple[Make, Callable[[Any, Any], Any], int]] = {
    "one logit": (
        lambda: nn.Linear(2, 1),
        lambda p, y: functional.binary_cross_entropy_with_logits(p, y.float().unsqueeze(1)), 2,
    ),
    "one logit, flat": (
        lambda: nn.Linear(2, 1), lambda p, y: nn.BCEWithLogitsLoss()(p[:, 0], y.float()), 2,
    ),
    "a probability": (
        lambda: nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1), nn.Sigmoid()),
        lambda p, y: nn.BCELoss()(p.squeeze(1), y.float()), 2,
    ),
    "two logits": (lambda: nn.Linear(2, 2), nn.CrossEntropyLoss(), 2),
    "three logits": (
        lambda: nn.Linear(2, 3), lambda p, y: functional.cross_entropy(p, y), 3,
    ),
    "three, by their logarithms": (
        lambda: nn.Linear(2, 3),
        lambda p, y: functional.nll_loss(torch.log_softmax(p, dim=1), y), 3,
    ),
    "softmax before": (
        lambda: nn.Linear(2, 3), lambda p, y: nn.CrossEntropyLoss()(p.softmax(dim=-1), y), 3,
    ),
    "one hot": (
        lambda: nn.Linear(2, 3),
        lambda p, y: functional.cross_entropy(p, functional.one_hot(y, 3).float()), 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CLASSES))
def test_the_areas_are_those_that_the_model_decides_for(name: str) -> None:
    make, loss, classes = CLASSES[name]
    data = corners(classes)
    found = told(make, loss, data, iterations=4)
    shown = only(found.of("data"))
    assert (shown["shape"], shown["classes"]) == ("classes", list(range(classes)))
    assert shown["targets"] == data[1].tolist()
    weights = loop(make, loss, data, iterations=4)
    model = make()
    with torch.no_grad():
        for one, value in zip(model.parameters(), weights, strict=True):
            one.copy_(value)
        last = found.of("fitted")[-1]
        asked = torch.tensor([[a, b] for b in last["y"] for a in last["x"]])
        answer = model(asked)
    if name.startswith("one logit"):
        answer = torch.sigmoid(answer)
    expected = answer.argmax(1) if answer.shape[1] > 1 else answer[:, 0]
    told_values = torch.tensor(last["values"]).flatten()
    assert (told_values - expected).abs().max() < 2e-3 or (
        answer.shape[1] > 1 and (told_values != expected).float().mean() < 0.01
    )
    assert found.of("surface")[-1]["slice"]


def test_a_slice_says_which_two_it_shows_and_where_the_others_stand() -> None:
    make = lambda: nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))  # noqa: E731
    found = told(make, nn.MSELoss(), line(), iterations=12)
    first, *_, last = found.of("surface")
    assert first["slice"]
    assert first["iteration"] == 1
    assert "The other 11 stand as they stood after iteration 1" in first["words"]
    once = loop(make, nn.MSELoss(), line(), iterations=1)
    torch.manual_seed(0)
    moved = {
        f"{name}[{', '.join(map(str, at))}]" if one.numel() > 1 else name: float((b - a).abs()[at])
        for (name, one), b in zip(make().named_parameters(), once, strict=True)
        for a in [one.detach()]
        for at in np.ndindex(*one.shape)
    }
    assert set(first["names"]) == set(sorted(moved, key=lambda name: -moved[name])[:2])
    assert last["iteration"] == 10
    assert all(isinstance(one["point"], list) for one in found.of("iteration"))


def test_the_present_lies_as_high_as_its_loss() -> None:
    """Where the slice was made, it has the loss that the run has."""
    make = lambda: nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))  # noqa: E731
    found = told(make, nn.MSELoss(), line(), iterations=9)
    surface = next(one for one in found.of("surface") if one["iteration"] == 8)
    here = [one["point"] for one in found.of("iteration")][7]
    pairs = zip("xy", here, strict=True)
    at = [int(np.abs(np.array(surface[side]) - one).argmin()) for side, one in pairs]
    near = np.array(surface["loss"])[at[1] - 1 : at[1] + 2, at[0] - 1 : at[0] + 2]
    loss = found.of("iteration")[8]["loss"]  # of the ninth: with the weights after the eighth
    assert near.min() <= loss <= near.max()


# -- where something is missing ---------------------------------------------------------------


@pytest.mark.parametrize("width", [4, 16])
@pytest.mark.parametrize("rate", [0.01, 0.1])
def test_a_slice_is_as_large_as_the_way_can_be_seen_on(width: int, rate: float) -> None:
    """Two of many numbers fall for a long way: a window up to there would have a dot for a path."""
    found = told(
        lambda: nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 1)),
        nn.MSELoss(), (corners()[0], corners()[0].sum(1, keepdim=True)),
        optimizer=lambda p: torch.optim.SGD(p, lr=rate), iterations=20,
    )  # fmt: skip
    for one in found.of("surface"):
        assert one["slice"]
        for side in (one["x"], one["y"]):
            assert side[-1] - side[0] <= 8


def test_a_loss_by_hand_has_a_line_and_no_surface() -> None:
    found = told(lambda: nn.Linear(1, 1), lambda p, y: ((p - y) ** 2).mean(), line())
    # In the loop of this file the line of the loss names ``model``, ``x`` and ``y``.
    assert only(found.of("data"))["targets"] == pytest.approx(
        line()[1].flatten().tolist(), abs=1e-5
    )
    assert len(found.of("fitted")) == 6
    surface = only(found.of("surface"))
    assert "by hand" in surface["words"]
    assert "loss" not in surface
    assert all("point" not in one for one in found.of("iteration"))


@pytest.mark.parametrize(
    ("loss", "is_told"),
    [
        (lambda p, y: (p - y).abs().sum(), True),
        (lambda p, y: 0.5 * ((p - y) ** 2).mean(), True),
        (lambda p, y: ((p - 2 * y) ** 2).mean(), False),
        (lambda p, y: ((p - y) ** 4).mean(), False),
    ],
    ids=["distances", "halves", "of another target", "unusual"],
)
def test_targets_of_a_loss_by_hand_are_told_only_if_the_loss_is_theirs(
    loss: Any, is_told: bool
) -> None:
    found = told(lambda: nn.Linear(1, 1), loss, line())
    assert bool(found.of("data")) is is_told
    assert bool(found.of("fitted")) is is_told


WITHOUT: dict[str, tuple[Make, Callable[[Any, Any], Any], str]] = {
    "a penalty": (
        lambda: nn.Linear(1, 1), lambda p, y: mse(p, y) + 0.1 * p.abs().mean(), "more than this",
    ),
    "something between": (lambda: nn.Linear(1, 1), lambda p, y: mse(3 * p, y), "between"),
    "one number": (lambda: nn.Linear(1, 1, bias=False), nn.MSELoss(), "one number"),
    "batch norm": (
        lambda: nn.Sequential(nn.Linear(1, 2), nn.BatchNorm1d(2), nn.Linear(2, 1)),
        nn.MSELoss(), "BatchNorm",
    ),
    "not reduced": (
        lambda: nn.Linear(1, 1), lambda p, y: nn.MSELoss(reduction="none")(p, y).mean(), "several",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(WITHOUT))
def test_where_there_is_no_surface_it_is_said_once_why(name: str) -> None:
    make, loss, words = WITHOUT[name]
    found = told(make, loss, line())
    assert words in only(found.of("surface"))["words"]
    assert len(found.of("fitted")) == 6


def test_a_model_that_would_notice_is_not_asked(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(Loud, nn.MSELoss(), line())
    assert capsys.readouterr().out == "here\n" * 5
    assert "calls print" in only(found.of("data"))["words"]
    assert not found.of("fitted")
    assert not found.of("surface")


def test_hooks_hear_nothing() -> None:
    heard: list[int] = []

    def make() -> nn.Module:
        model = nn.Sequential(nn.Linear(1, 1))
        model[0].register_forward_hook(lambda *_: heard.append(1))
        return model

    found = told(make, nn.MSELoss(), line())
    assert len(heard) == 5
    assert "hook" in only(found.of("data"))["words"]


@pytest.mark.parametrize(
    ("make", "shape"),
    [(lambda: nn.Linear(3, 1), (COUNT, 3)), (lambda: nn.Linear(1, 2), (COUNT, 1))],
    ids=["three features", "two answers"],
)
def test_what_cannot_be_drawn_is_left_out(make: Make, shape: tuple[int, ...]) -> None:
    model = make()
    x = torch.zeros(shape)
    found = told(make, nn.MSELoss(), (x, torch.zeros_like(model(x))))
    assert {"data", "fitted", "surface"}.isdisjoint({one["kind"] for one in found})


# -- data as they come ------------------------------------------------------------------------


def test_mini_batches_fill_it_up_without_doubles() -> None:
    x, y = line()

    def epochs() -> None:
        torch.manual_seed(0)
        model = nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        loader = DataLoader(TensorDataset(x, y), batch_size=5, shuffle=True)
        for _ in range(3):
            for a, b in loader:
                optimizer.zero_grad()
                nn.functional.mse_loss(model(a), b).backward()
                optimizer.step()

    found = staged(epochs, ["iteration"] * 20)[1]
    counts = [len(one["inputs"]) for one in found.of("data")]
    assert counts == [5, 10, 15, 20, 24]
    last = found.of("data")[-1]
    pairs = sorted(zip(last["inputs"], last["targets"], strict=True))
    assert [a for a, _ in pairs] == pytest.approx(x.flatten().tolist(), abs=1e-5)
    words = [one["words"] for one in found.of("surface")]
    assert "24 points" in words[-1]


def test_no_more_than_a_picture_holds() -> None:
    x = torch.randn(700, 1)
    found = told(lambda: nn.Linear(1, 1), nn.MSELoss(), (x, x), iterations=2)
    data = only(found.of("data"))
    assert (len(data["inputs"]), data["more"]) == (500, True)
    assert "more than 500 points" in found.of("surface")[0]["words"]


def test_train_of_fivestep() -> None:
    x, y = line()

    def trained() -> None:
        torch.manual_seed(0)
        model = nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for moment in train(model, nn.MSELoss(), optimizer, [(x, y)] * 4):
            assert moment.step in Step

    found = staged(trained, ["iteration"] * 9)[1]
    assert len(found.of("fitted")) == 5
    assert len(only(found.of("surface"))["loss"]) == 41


def test_parameters_that_the_script_moves_itself() -> None:
    x, y = line()

    def moved() -> None:
        model = nn.Linear(1, 1)
        for _ in range(4):
            nn.functional.mse_loss(model(x), y).backward()
            with torch.no_grad():
                for one in model.parameters():
                    assert one.grad is not None
                    one -= 0.1 * one.grad
                    one.grad = None

    found = staged(moved, ["step"] * 12)[1]
    drawn = [one["iteration"] for one in found.of("fitted")]
    assert drawn == sorted(drawn)
    assert len(drawn) > 2


# -- nothing is felt --------------------------------------------------------------------------


def sgd(parameters: Any) -> Any:
    return torch.optim.SGD(parameters, lr=0.05, momentum=0.9)


def adam(parameters: Any) -> Any:
    return torch.optim.Adam(parameters, lr=0.02)


def dropping() -> nn.Module:
    return nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.4), nn.Tanh(), nn.Linear(8, 1))


def normed() -> nn.Module:
    return nn.Sequential(nn.Linear(1, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))


@pytest.mark.parametrize("optimizer", [sgd, adam])
@pytest.mark.parametrize("make", [dropping, normed, Line])
def test_watching_changes_nothing(make: Make, optimizer: Any) -> None:
    given: Any = (make, nn.MSELoss(), line())
    alone = loop(*given, iterations=8, optimizer=optimizer)
    chance = torch.rand(()), random.random(), np.random.rand()
    seed = chance[1]
    torch.manual_seed(3)
    random.seed(seed)
    np.random.seed(3)
    plain = torch.rand(()), random.random(), np.random.rand()
    torch.manual_seed(3)
    random.seed(seed)
    np.random.seed(3)

    def watched() -> Any:
        state = torch.get_rng_state()
        weights = loop(*given, iterations=8, optimizer=optimizer)
        torch.set_rng_state(state)
        return weights, (torch.rand(()), random.random(), np.random.rand())

    (weights, after), found = staged(watched, WATCHED)
    assert equal(weights, alone)
    assert after == plain
    assert len(found.of("fitted")) == 9


def test_what_a_model_keeps_of_its_calls_is_its_own() -> None:
    kept: list[Line] = []

    def make() -> nn.Module:
        kept.append(Line())
        return kept[-1]

    found = told(make, nn.MSELoss(), line(), iterations=6)
    assert len(found.of("fitted")) == 7
    assert kept[0].calls == 6
    assert kept[0].training
    assert float(kept[0].last) == pytest.approx(0, abs=1e-6)
    assert list(vars(kept[0])).count("training") == 1


def test_the_doctor_hears_nothing_of_it(recwarn: pytest.WarningsRecorder) -> None:
    from hand import Steered

    from fivestep.page.perform import Attendant
    from fivestep.page.stage import Stage

    counts: list[dict[str, int]] = []
    for plan in ([], WATCHED):
        doctor = Attendant(Stage(Told().post, Steered(plan)))
        with doctor:
            loop(lambda: nn.Linear(1, 1), nn.MSELoss(), line())
        counts.append(dict(doctor.record.counts))
    assert counts[0] == counts[1]


def test_a_warning_of_the_scripts_own_comes_once() -> None:
    x, y = line()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = told(lambda: nn.Linear(1, 1), nn.MSELoss(), (x, y[:, 0]), iterations=3)
    about = [one for one in caught if "broadcasting" in str(one.message)]
    assert len(about) == 3
    assert math.isfinite(found.of("surface")[0]["loss"][0][0])


def test_a_model_that_is_gone_is_not_kept() -> None:
    import gc
    import weakref

    refs: list[Any] = []

    def two() -> None:
        for _ in range(2):
            model = nn.Linear(1, 1)
            refs.append(weakref.ref(model))
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            for _ in range(2):
                optimizer.zero_grad()
                nn.functional.mse_loss(model(line()[0]), line()[1]).backward()
                optimizer.step()
            del model, optimizer
        gc.collect()
        assert refs[0]() is None

    found = staged(two, ["iteration"] * 6)[1]
    assert len(found.of("data")) == 2, "the second model is shown when the first is gone"


def test_at_full_speed_it_is_told_no_more_than_the_share_allows() -> None:
    found = staged(
        lambda: loop(lambda: nn.Linear(1, 1), nn.MSELoss(), line(), iterations=30), [], share=0.0
    )[1]
    assert {"data", "fitted", "surface"}.isdisjoint({one["kind"] for one in found})
    assert len(found.of("iteration")) == 30


def test_a_surface_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from fivestep.page import valley

    monkeypatch.setattr(valley, "LONGEST", -1.0)
    found = told(lambda: nn.Linear(1, 1), nn.MSELoss(), line())
    assert "TimeoutError" in only(found.of("surface"))["words"]
    assert len(found.of("fitted")) == 6


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_asked_elsewhere_is_asked_in_one_thread(fails: bool) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with suppress(KeyError), trial(nn.Linear(1, 1)):
            assert torch.get_num_threads() == 1
            if fails:
                raise KeyError
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


# -- before the first forward --------------------------------------------------------------------


def end(loss: torch.Tensor, optimizer: Any) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def by_module(model: nn.Module, x: Any, y: Any, loss_fn: Any, optimizer: Any) -> None:
    for _ in range(3):
        prediction = model(x)
        loss = loss_fn(prediction, y)
        end(loss, optimizer)


def by_function(model: nn.Module, x: Any, y: Any, loss_fn: Any, optimizer: Any) -> None:
    for _ in range(3):
        loss = nn.functional.mse_loss(model(x), y)
        end(loss, optimizer)


def squashed(model: nn.Module, x: Any, y: Any, loss_fn: Any, optimizer: Any) -> None:
    for _ in range(3):
        prediction = model(x)
        loss = loss_fn(torch.sigmoid(prediction), y)
        end(loss, optimizer)


def by_own_hand(model: nn.Module, x: Any, y: Any, loss_fn: Any, optimizer: Any) -> None:
    for _ in range(3):
        prediction = model(x)
        loss = (prediction - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def beside_others(model: nn.Module, x: Any, y: Any, loss_fn: Any, optimizer: Any) -> None:
    weights = torch.ones_like(y)
    for _ in range(3):
        prediction = model(x)
        loss = (loss_fn(prediction, y) * weights).mean()
        end(loss, optimizer)


@pytest.mark.parametrize(
    ("way", "early"),
    [
        (by_module, True), (by_function, True), (squashed, True), (by_own_hand, False),
        (beside_others, False),
    ],
)  # fmt: skip
def test_at_first_sight_the_data_and_the_untrained_model_stand_there(way: Any, early: bool) -> None:
    x, y = line()
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    weight, bias = float(model.weight.detach()), float(model.bias.detach())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    told = staged(lambda: way(model, x, y, nn.MSELoss(), optimizer), ["step"] * 20)[1]
    begun = next(i for i, one in enumerate(told) if one["kind"] == "moment")
    first = Told(told[:begun])
    assert [len(one["inputs"]) for one in first.of("data")] == [COUNT] * early
    for fit in first.of("fitted"):
        assert fit["iteration"] == 0
        assert fit["ys"] == pytest.approx([weight * one + bias for one in fit["xs"]], rel=1e-4)
    assert len(first.of("fitted")) == early
    last = told.of("fitted")[-1]
    low = float(model.weight.detach()) * last["xs"][0] + float(model.bias.detach())
    shown = 1 / (1 + math.exp(-low)) if way is squashed else low
    assert last["ys"][0] == pytest.approx(shown, rel=1e-4)
    assert told.of("surface") or way in (by_own_hand, beside_others)


def test_a_large_model_is_not_asked_for_a_picture_that_it_cannot_have() -> None:
    asked = 0

    class Wide(nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002
            nonlocal asked
            asked += 1
            return super().forward(input)

    model, x = Wide(5, 1), torch.randn(COUNT, 5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    staged(lambda: by_module(model, x, line()[1], nn.MSELoss(), optimizer), ["step"] * 20)
    assert asked == 3


@pytest.mark.parametrize("make", [dropping, normed])
def test_to_look_before_the_first_forward_changes_nothing(make: Make) -> None:
    def weights() -> list[torch.Tensor]:
        torch.manual_seed(0)
        model = make()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        by_module(model, *line(), nn.MSELoss(), optimizer)
        return [one.detach().clone() for one in [*model.parameters(), *model.buffers()]]

    watched, told = staged(weights, ["step"] * 20)
    assert told.of("data")
    assert told.of("data")[0]["seq"] < told.of("moment")[0]["seq"]
    assert equal(watched, weights())


# -- numbers that are none ----------------------------------------------------------------------


@pytest.mark.parametrize("squash", [False, True])
def test_the_last_surface_stays_when_the_model_is_lost(squash: bool) -> None:
    x, y = line()

    def loss(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.mse_loss(torch.sigmoid(p) if squash else p, y)

    def lost() -> None:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for i in range(12):
            value = loss(model(x), y)
            optimizer.zero_grad()
            value.backward()
            if i == 5:
                next(model.parameters()).grad[0, 0] = math.nan  # type: ignore[index]
            optimizer.step()

    found = staged(lost, WATCHED)[1]
    assert {one["words"][:7] for one in found.of("surface")} == {"A slice"}
    assert max(one["iteration"] for one in found.of("surface")) <= 5
    assert only(found.of("data"))["words"] == ""


def test_a_point_that_is_no_number_is_left_out() -> None:
    x, y = line()
    x = x.clone()
    x[3] = math.nan
    found = told(lambda: nn.Linear(1, 1), nn.MSELoss(), (x, y), iterations=4)
    assert len(only(found.of("data"))["inputs"]) == COUNT - 1
    assert "not known" not in str(found.of("surface"))


# -- nobody could follow, and then somebody looks -----------------------------------------------

ONCE = 1e-9  # a share of the time that the first iteration has used up


class Interrupting(Control):
    """Plays from the start; asked to pause, it looks and plays on."""

    def __init__(self, look: Callable[[], None]) -> None:
        super().__init__(paused=False)
        self._look, self.count = look, 0

    def hold(self, answer: Callable[[], None], *, slowed: bool = True) -> None:
        if self.asked:
            answer()
        if self.paused:
            self.count += 1
            self._look()
            self.play()


STEPS = ("forward", "loss", "zero_grad", "backward", "update", "turn")


@pytest.mark.parametrize("where", STEPS)
def test_whoever_pauses_sees_the_model_as_it_then_is(where: str) -> None:
    x, y = line()
    model, told = nn.Linear(1, 1), Told()
    seen: list[dict[str, Any]] = []

    def look() -> None:
        now = [float(model.weight.detach()), float(model.bias.detach())]
        seen.append({"now": now, "moment": told.of("moment")[-1], "fit": told.of("fitted")[-1]})

    control = Interrupting(look)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

    i = 0

    def ask(at: str) -> None:
        if i == 23 and at == where:
            control.ask({"id": "1", "verb": "pause"})

    def played() -> None:
        nonlocal i
        for i in range(1, 31):  # noqa: B007
            ask("forward")
            output = model(x)
            ask("loss")
            loss = nn.functional.mse_loss(output, y)
            ask("zero_grad")
            optimizer.zero_grad()
            ask("backward")
            loss.backward()
            ask("update")
            optimizer.step()
            ask("turn")

    with Attendant(Stage(told.post, control, share=ONCE)):
        played()
    assert told.of("note") == []
    shown = only(seen)
    after = 23 if where == "turn" else 22
    assert shown["moment"]["iteration"] == (22 if where == "forward" else 23)
    assert [one["before"][0] for one in shown["moment"]["parameters"]] == pytest.approx(
        shown["now"], rel=1e-5
    )
    assert shown["fit"]["iteration"] == after
    xs, ys = shown["fit"]["xs"], shown["fit"]["ys"]
    assert ys == pytest.approx([shown["now"][0] * one + shown["now"][1] for one in xs], rel=1e-4)


@pytest.mark.parametrize("update", [True, False])
def test_at_the_end_the_model_is_shown_as_it_has_become(update: bool) -> None:
    x, y = line()
    model, told, loss = nn.Linear(1, 1), Told(), torch.zeros(())
    with Attendant(Stage(told.post, Control(paused=False), share=ONCE)):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        for _ in range(30):
            loss = nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        if not update:
            nn.functional.mse_loss(model(x), y)
    last, moment = told.of("fitted")[-1], told.of("moment")[-1]
    assert last["iteration"] == 30
    weight, bias = float(model.weight.detach()), float(model.bias.detach())
    assert last["ys"] == pytest.approx([weight * one + bias for one in last["xs"]], rel=1e-4)
    assert [one["before"][0] for one in moment["parameters"]] == pytest.approx(
        [weight, bias], rel=1e-5
    )
    assert moment["loss"] == pytest.approx(float(loss.detach()), rel=1e-4) or not update
    if update:
        last_used = pytest.approx(0.05 * 0.9**29, rel=1e-4)
        assert [moment["rate"], *[one["rate"] for one in moment["parameters"]]] == [last_used] * 3
        assert told.of("iteration")[-1]["rate"] == last_used
    assert len(told.of("fitted")) < 8, "and not at every iteration"
    strips = [one["iteration"] for one in told.of("iteration") if one["layers"]]
    assert strips == [1, 2, 4, 8, 16]


def test_a_model_that_is_trained_no_more_is_not_shown_as_if_it_were() -> None:
    x, y = line()
    first, second, told = nn.Linear(1, 1), nn.Linear(3, 1), Told()
    with Attendant(Stage(told.post, Control(paused=False), share=ONCE)):
        for model, given in ((first, x), (second, torch.randn(COUNT, 3))):
            optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
            for _ in range(9):
                optimizer.zero_grad()
                nn.functional.mse_loss(model(given), y).backward()
                optimizer.step()
    assert max(one["iteration"] for one in told.of("fitted")) < 9
