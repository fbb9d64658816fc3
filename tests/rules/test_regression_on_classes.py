"""regression-on-classes: numbers that name, and numbers that count."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits, load_iris
from small_loops import Loss, Pair, batches, fit, line, lumps, network
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from watching import names, watch

from fivestep.vitals.labels import LabelOrder

NAME = "regression-on-classes"


def digits() -> Pair:
    data: Any = load_digits()
    return torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)


def iris() -> Pair:
    data: Any = load_iris()
    x = torch.tensor(data.data, dtype=torch.float32)
    return (x - x.mean(0)) / x.std(0), torch.tensor(data.target)


def blobs(classes: int, features: int, seed: int) -> Callable[[], Pair]:
    def make() -> Pair:
        torch.manual_seed(seed)
        return lumps(classes, features)

    return make


def column(y: torch.Tensor) -> torch.Tensor:
    return y.float().unsqueeze(1)


def on(
    data: Callable[[], Pair], loss_fn: Loss, *last: nn.Module, outputs: int = 1,
    loader: bool = False, hits: bool = False, count: int = 20,
) -> Callable[[], None]:  # fmt: skip
    def loop() -> None:
        x, y = data()
        model = network(x[0].numel(), outputs, *last)
        model = nn.Sequential(nn.Flatten(), *model)

        def score(x: torch.Tensor, y: torch.Tensor) -> None:
            with torch.no_grad():
                assert (model(x).squeeze(1).round() == y).float().mean() >= 0

        mixed = DataLoader(TensorDataset(x[:800], y[:800]), 32, shuffle=True)
        pairs = mixed if loader else batches(x, y, 32, count)
        fit(model, loss_fn, pairs, after=score if hits else None)

    return loop


def squared(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return F.mse_loss(p, column(y))


def full_batch() -> None:
    x, y = digits()
    fit(network(64, 1), nn.MSELoss(), [(x[:600], column(y[:600]))] * 10)


def ratings() -> Pair:
    x, y = line()
    return x, torch.bucketize(y[:, 0], torch.tensor([-2.0, -1, 1, 2])) + 1


def grades() -> Pair:
    """From 0, and as many of each: told from classes by the inputs alone."""
    x, y = line()
    return x, torch.bucketize(y[:, 0], y.quantile(torch.tensor([0.2, 0.4, 0.6, 0.8])))


def counts() -> Pair:
    x, y = line()
    return x, torch.poisson(torch.exp(0.4 * y[:, 0]))


def ones_in_a_row() -> Pair:
    x = (torch.rand(300, 10) < torch.rand(300, 1)).float()
    return x, x.sum(1).long()


def dots_in_an_image() -> Pair:
    y = torch.randint(6, (400,))
    x = torch.zeros(400, 144)
    for row, dots in zip(x, y, strict=True):
        row[torch.randperm(144)[:dots]] = 1
    return x.view(400, 1, 12, 12), y


def hours() -> Pair:
    """On a circle, where the last is near the first."""
    y = torch.randint(12, (400,))
    angle = (y + torch.rand(400)) * (2 * torch.pi / 12)
    return torch.stack([angle.sin(), angle.cos()], 1), y


def ages() -> Pair:
    x = torch.randn(300, 6)
    return x, (40 + 15 * x[:, 0] + 5 * torch.randn(300)).clamp(0, 99).round()


class Factors(nn.Module):
    """Ratings from who and what: inputs are numbers of rows, and tell nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.who, self.what = nn.Embedding(30, 4), nn.Embedding(40, 4)

    def forward(self, pair: torch.Tensor) -> torch.Tensor:
        return (self.who(pair[:, 0]) * self.what(pair[:, 1])).sum(1)


def factors() -> None:
    pairs = torch.stack([torch.randint(30, (400,)), torch.randint(40, (400,))], 1)
    liked = (torch.randn(30, 4)[pairs[:, 0]] * torch.randn(40, 4)[pairs[:, 1]]).sum(1)
    stars = torch.bucketize(liked, liked.quantile(torch.tensor([0.2, 0.4, 0.6, 0.8])))
    loader = DataLoader(TensorDataset(pairs, stars), 32, shuffle=True)
    fit(Factors(), lambda p, y: F.mse_loss(p, y.float()), loader)


class Reader(nn.Module):
    """One number from a row of words."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.table, self.rnn = nn.Embedding(words, 12), nn.GRU(12, 16, batch_first=True)
        self.out = nn.Linear(16, 1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.out(self.rnn(self.table(rows))[1][0])


def words(rows: int, length: int, *, often: float = 0.0) -> torch.Tensor:
    """Rows of 20 words; ``often`` above 0 makes the first ones come more often, as in a text."""
    weights = torch.arange(1, 21).float() ** -often
    return torch.multinomial(weights, rows * length, replacement=True).view(rows, length)


def topics() -> Pair:
    """Half of the words of a row are of its topic; the numbers of the words mean nothing."""
    number, topic = torch.randperm(20), torch.randint(5, (600,))
    own = number[4 * topic[:, None] + torch.randint(4, (600, 8))]
    return torch.where(torch.rand(600, 8) < 0.6, own, words(600, 8)), topic


def next_words() -> Pair:
    rows = words(900, 9, often=1.0)
    return rows[:, :-1], rows[:, -1]


def times_of_a_word() -> Pair:
    """How often word 3 comes, as many rows for each number."""
    times = torch.randint(7, (600,))
    rows = words(600, 8)
    rows[rows == 3] = 4
    for row, many in zip(rows, times.tolist(), strict=True):
        row[torch.randperm(8)[:many]] = 3
    return rows, times


def length_of_a_row() -> Pair:
    length = torch.randint(8, (600,))
    return torch.where(torch.arange(8) <= length[:, None], words(600, 8) + 1, 0), length


def highest_word() -> Pair:
    rows = words(900, 6, often=1.0)
    return rows, rows.max(1).values


def rarest_word() -> Pair:
    rows = words(900, 3, often=1.0).repeat(1, 2)
    return rows, rows.max(1).values


def different_words() -> Pair:
    rows = words(900, 12, often=1.0)
    return rows, torch.tensor([len(set(row)) for row in rows.tolist()])


def reading(data: Callable[[], Pair], *, hits: bool = True) -> Callable[[], None]:
    def loop() -> None:
        x, y = data()
        model = Reader(32)

        def score(x: torch.Tensor, y: torch.Tensor) -> None:
            with torch.no_grad():
                assert (model(x).squeeze(1).round().long() == y).float().mean() >= 0

        fit(model, squared, batches(x, y, 32, 30), after=score if hits else None)

    return loop


def ensemble() -> None:
    fit(network(4, 5), lambda p, y: F.mse_loss(p, y.expand_as(p)), batches(*line()))


def told(loop: Callable[[], None], seed: int = 0) -> list[str]:
    return [one.rule for one in watch(loop, seed).findings]


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize(
    "loop",
    [
        full_batch,
        on(digits, squared),
        on(digits, lambda p, y: F.l1_loss(p[:, 0], y.float()), hits=True, count=10),
        on(digits, lambda p, y: F.mse_loss(p[:, 0], y.float()), loader=True),
        on(digits, squared, outputs=10),
        on(iris, squared, outputs=3),
        on(iris, squared, nn.Softmax(1), outputs=3),
        on(blobs(5, 6, 1), squared),
        on(blobs(5, 6, 2), lambda p, y: F.smooth_l1_loss(p[:, 0], y.float()), loader=True),
        on(blobs(4, 2, 3), squared),
        on(blobs(4, 8, 4), lambda p, y: F.binary_cross_entropy_with_logits(p, column(y))),
        reading(topics),
        reading(next_words),
        reading(next_words, hits=False),
    ],
)
def test_numbers_of_classes_are_named(loop: Callable[[], None]) -> None:
    assert told(loop) == [NAME]


@pytest.mark.parametrize(
    "loop",
    [
        on(ratings, squared, hits=True),
        on(grades, squared, hits=True),
        on(grades, squared, loader=True, hits=True),
        on(counts, squared),
        on(ones_in_a_row, squared, loader=True, hits=True),
        on(dots_in_an_image, squared, loader=True, hits=True),
        on(hours, squared, loader=True),
        on(ages, lambda p, y: F.l1_loss(p[:, 0], y)),
        on(blobs(2, 8, 0), squared),
        on(blobs(4, 8, 0), lambda p, y: F.mse_loss(p, F.one_hot(y, 4).float()), outputs=4),
        factors,
        reading(times_of_a_word),
        reading(length_of_a_row),
        reading(highest_word),
        reading(rarest_word),
        reading(different_words),
        ensemble,
    ],
)
def test_quantities_are_left_alone(loop: Callable[[], None]) -> None:
    assert NAME not in told(loop)


def test_it_says_how_many_outputs_are_needed() -> None:
    (finding,) = watch(on(digits, squared)).findings
    assert finding.message.startswith("mse_loss on the numbers of 10 classes: targets are 0 to 9")
    assert finding.fix.startswith("end the model in 10 outputs and use `F.cross_entropy")
    assert 0 < finding.confidence < 1


def order(x: Any, y: Any) -> tuple[float, float]:
    seen = LabelOrder()
    assert seen.add(x, np.asarray(y, dtype=float))
    found = seen.score()
    assert found is not None
    return found


def test_inputs_tell_a_class_from_a_quantity() -> None:
    data: Any = load_digits()
    straight, apart = order(data.data, data.target)
    assert straight < 0.2
    assert apart > 0.5
    random = np.random.default_rng(0)
    for features in (2, 4, 16):
        for noise in (0.1, 1.0):
            x = random.normal(size=(500, features))
            z = x.sum(1) / features**0.5 + noise * random.normal(size=500)
            assert order(x, np.searchsorted(np.quantile(z, [0.2, 0.4, 0.6, 0.8]), z))[0] > 0.65


def test_batches_add_up_to_what_one_batch_says() -> None:
    data: Any = load_iris()
    together, seen = order(data.data, data.target), LabelOrder()
    for start in range(0, 150, 25):
        seen.add(data.data[start : start + 25], data.target[start : start + 25].astype(float))
    assert seen.score() == pytest.approx(together)
    assert not seen.add(data.data[:5, :2], data.target[:5].astype(float))  # other features


PROGRAM = """
import torch
from sklearn.datasets import load_iris, load_wine
from torch import nn

torch.set_num_threads(1)
{load}
X = torch.tensor(data, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(labels, dtype=torch.float32).unsqueeze(1)
model = nn.Sequential(nn.Linear(X.shape[1], 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(6):
    for chosen in torch.randperm(len(X)).split(30):
        optimizer.zero_grad()
        {loss}(model(X[chosen]), y[chosen]).backward()
        optimizer.step()
"""
WINE = "found = load_wine()\ndata, labels = found.data, found.target"
IRIS = "data, labels = load_iris(return_X_y=True)"
GRADES = "import numpy as np\nfound = load_wine()\ndata = found.data\nlabels = np.digitize({of}, np.quantile({of}, [1 / 3, 2 / 3]))"


@pytest.mark.parametrize("loss", ["nn.MSELoss()", "nn.functional.smooth_l1_loss"])
@pytest.mark.parametrize("load", [WINE, IRIS])
def test_labels_of_a_known_data_set_are_named(load: str, loss: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(load=load, loss=loss), encoding="utf-8")
    (finding,) = watch(lambda: runpy.run_path(str(program))).findings
    assert finding.rule == "regression-on-classes"
    assert finding.evidence["classes"] == 3


@pytest.mark.parametrize(
    "load",
    [
        GRADES.format(of="data[:, 0]"),
        GRADES.format(of="found.data[:, 12]") + "\nprint(found.target[:3])",
        "data, _ = load_wine(return_X_y=True)\nlabels = (data[:, 0] > 12.5) + (data[:, 0] > 13.5) + 0.0",
    ],
)
def test_grades_out_of_a_known_data_set_are_silent(load: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(load=load, loss="nn.MSELoss()"), encoding="utf-8")
    assert "regression-on-classes" not in names(lambda: runpy.run_path(str(program)))
