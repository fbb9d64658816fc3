"""mixed-samples: axes mixed up, and samples that meet on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from watching import names, watch

NAME = "mixed-samples"
BATCH, TIME, FEATURES = 6, 7, 5
pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor")


def train(
    model: nn.Module,
    shape: tuple[int, ...] = (TIME, FEATURES),
    *,
    words: bool = False,
    first: bool = False,
) -> None:
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(5):
        y = torch.randint(3, (BATCH,))
        x = torch.randint(9, (BATCH, *shape)) if words else torch.randn(BATCH, *shape)
        loss = F.cross_entropy(model(x.transpose(0, 1) if first else x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class Model(nn.Module):
    """``lift``, something in ``read`` that gives (batch, 8), ``head``."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        self.lift, self.head = nn.Linear(FEATURES, 8), nn.Linear(8, 3)
        self.parts = nn.ModuleDict(parts)

    def read(self, h: torch.Tensor) -> torch.Tensor:
        return h

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.read(self.lift(x).relu()))


# -- sick ---------------------------------------------------------------------------------------


class Lstm(Model):
    def read(self, h: torch.Tensor) -> torch.Tensor:
        return self.parts["rnn"](h)[0][:, -1]


class Encoder(Model):
    def read(self, h: torch.Tensor) -> torch.Tensor:
        return self.parts["encoder"](h).mean(dim=1)


class Reshaped(Model):
    """(time, batch, 8) is folded to (batch, time * 8) without a transpose."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8 * TIME, 3)

    def read(self, h: torch.Tensor) -> torch.Tensor:
        return h.transpose(0, 1).reshape(BATCH, -1)


class Viewed(Model):
    def read(self, h: torch.Tensor) -> torch.Tensor:
        return h.view(TIME, BATCH, 8).relu().mean(dim=0)


class LastStep(Model):
    """One wrong sample, no mixture: row 0 reads the end of row 5."""

    def read(self, h: torch.Tensor) -> torch.Tensor:
        return h.view(TIME, BATCH, 8)[-1]


class Tabular(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.LSTM(FEATURES, 8), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x)[0])


def rows_of_a_table() -> None:
    model = Tabular()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    rows = TensorDataset(torch.randn(48, FEATURES), torch.randint(3, (48,)))
    for x, y in DataLoader(rows, 8, shuffle=True):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


def layer(**options: Any) -> nn.Module:
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, **options), 1)


class Folded(Model):
    """The states of all steps, or of both directions, side by side: the batch is their second axis."""

    states = False

    def read(self, h: torch.Tensor) -> torch.Tensor:
        steps, (hidden, _) = self.parts["rnn"](h)
        return (hidden if self.states else steps).reshape(BATCH, -1)[:, :8]


class FoldedStates(Folded):
    states = True


class Squeezed(Viewed):
    """One number for each sample."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)[:, 0]


def numbers(model: nn.Module) -> None:
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(5):
        loss = (model(torch.randn(BATCH, TIME, FEATURES)) - 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class TimeByView(nn.Module):
    """The inputs, or what an embedding made of them, brought to time first by a view."""

    def __init__(self, kind: type[nn.RNNBase] = nn.GRU, *, lift: bool = False) -> None:
        super().__init__()
        self.embed = nn.Embedding(9, FEATURES)
        self.lift = lift
        self.rnn, self.head = kind(FEATURES, 8), nn.Linear(8, 3)

    def turn(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(x.shape[1], x.shape[0], -1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(self.turn(self.embed(x) if self.lift else x))[0][-1])


class BatchByView(TimeByView):
    """Time-first inputs for a layer with the batch first."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(FEATURES, 8, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(self.turn(x))[0][:, -1])


class TwiceTurned(TimeByView):
    """One view back and one forth: nothing was exchanged, and nothing was moved."""

    def turn(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(0, 1).contiguous().view(TIME, BATCH, -1)


class Turned(TimeByView):
    def turn(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(0, 1)


def laid_out_by_time(model: nn.Module, *, turned: bool) -> None:
    """Kept as (time, batch, features), and perhaps shown to the model as its transpose."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(5):
        x = torch.randn(TIME, BATCH, FEATURES)
        x = x.transpose(0, 1) if turned else x
        optimizer.zero_grad()
        F.cross_entropy(model(x), torch.randint(3, (BATCH,))).backward()
        optimizer.step()


SICK: dict[str, Callable[[], None]] = {
    "view-to-time": lambda: train(TimeByView()),
    "view-to-time-rnn": lambda: train(TimeByView(nn.RNN)),
    "view-of-words": lambda: train(TimeByView(lift=True), (TIME,), words=True),
    "view-to-batch": lambda: laid_out_by_time(BatchByView(), turned=False),
    "folded-steps": lambda: train(Folded(rnn=nn.LSTM(8, 8)), first=True),
    "folded-states": lambda: train(
        FoldedStates(rnn=nn.LSTM(8, 4, batch_first=True, bidirectional=True))
    ),
    "one-number": lambda: numbers(Squeezed()),
    "lstm": lambda: train(Lstm(rnn=nn.LSTM(8, 8))),
    "two-way-gru": lambda: train(Lstm(rnn=nn.GRU(8, 4, bidirectional=True))),
    "transformer": lambda: train(Encoder(encoder=layer())),
    "reshaped": lambda: train(Reshaped()),
    "viewed": lambda: train(Viewed()),
    "last-step": lambda: train(LastStep()),
    "table": rows_of_a_table,
}


@pytest.mark.parametrize("loop", SICK.values(), ids=SICK)
def test_mixed_up_axes_are_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


def test_message_names_the_layer_and_its_axes() -> None:
    (finding,) = watch(SICK["lstm"]).findings
    assert finding.message == (
        "LSTM parts.rnn takes (6, 7, 8) for (time, batch, features), and 6 is the batch"
    )
    assert finding.fix == "`nn.LSTM(..., batch_first=True)`"
    assert finding.count == 5


def test_message_names_the_layer_that_reads_a_view() -> None:
    (finding,) = watch(SICK["view-to-time"]).findings
    assert finding.message == (
        "GRU rnn reads a view (7, 6, 5) of (6, 7, 5): each of its 6 sequences is made of several samples"
    )
    assert finding.count == 5


def test_message_counts_the_samples_that_are_mixed() -> None:
    (finding,) = watch(SICK["viewed"]).findings
    assert finding.message.startswith("the output of sample 0 depends on 6 samples of the batch")
    (finding,) = watch(SICK["last-step"]).findings
    assert finding.message.startswith("the output of sample 0 depends on sample 5 of the batch")


class OneNumber(Model):
    def read(self, h: torch.Tensor) -> torch.Tensor:
        return h.relu().mean(dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)[:, 0]


# -- healthy ------------------------------------------------------------------------------------


class TimeFirst(Model):
    def read(self, h: torch.Tensor) -> torch.Tensor:
        return self.parts["rnn"](h)[0][-1]


class Pooled(Model):
    def read(self, h: torch.Tensor) -> torch.Tensor:
        return h.relu().max(dim=1).values + h.mean(dim=1)


class Normed(Model):
    def read(self, h: torch.Tensor) -> torch.Tensor:
        return self.parts["norm"](h.mean(1))


class Centred(Model):
    def read(self, h: torch.Tensor) -> torch.Tensor:
        h = h.mean(1)
        return h - h.mean(dim=0)


class AcrossSamples(Model):
    """Attention over the batch, on purpose: samples are the sequence, one to each step."""

    def read(self, h: torch.Tensor) -> torch.Tensor:
        return self.parts["encoder"](h.mean(1).unsqueeze(1)).squeeze(1)


class Mixup(Model):
    def read(self, h: torch.Tensor) -> torch.Tensor:
        h = h.mean(1)
        return 0.8 * h + 0.2 * h[torch.randperm(len(h))]


class Graph(Model):
    """Each node takes from its neighbours; all nodes are one batch."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("near", (torch.rand(BATCH, BATCH) > 0.5).float())

    def read(self, h: torch.Tensor) -> torch.Tensor:
        return (self.near @ h).relu()


class Frames(nn.Module):
    """One video, frame by frame: the rows are time, and look at each other."""

    def __init__(self) -> None:
        super().__init__()
        self.lift, self.over_time, self.head = (
            nn.Linear(FEATURES, 8),
            nn.Conv1d(8, 8, 3, padding=1),
            nn.Linear(8, 3),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.over_time(self.lift(x).relu().t().unsqueeze(0))
        return self.head(h.squeeze(0).t())


class Tagger(nn.Module):
    """One sentence at a time, as in the tutorial: (words, 1, features)."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.rnn, self.head = nn.Embedding(9, 4), nn.LSTM(4, 8), nn.Linear(8, 3)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        out, _ = self.rnn(self.embed(words).view(len(words), 1, -1))
        return self.head(out.view(len(words), -1))


class Similar(nn.Module):
    """Two towers; the output is the table of all pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(FEATURES, 8), nn.Linear(FEATURES, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.one(x) @ self.other(x).t()


def steps_of_several_series() -> None:
    """(time, batch, 1) in, (time, batch) out: the next value of each series."""
    rnn, head = nn.LSTM(1, 8), nn.Linear(8, 1)
    model = nn.Sequential(Output(rnn), head, nn.Flatten(1))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(5):
        series = torch.sin(torch.arange(21).view(-1, 1) / 4 + torch.rand(1, BATCH) * 6)
        loss = F.mse_loss(model(series[:-1].unsqueeze(2)), series[1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class Output(nn.Module):
    def __init__(self, rnn: nn.Module) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x)[0]


def pairs() -> None:
    model = Similar()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(5):
        loss = F.cross_entropy(model(torch.randn(BATCH, FEATURES)), torch.arange(BATCH))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class Unfolded(Model):
    """The same, the batch brought to the front first."""

    states = False

    def read(self, h: torch.Tensor) -> torch.Tensor:
        steps, (hidden, _) = self.parts["rnn"](h)
        return (hidden if self.states else steps).transpose(0, 1).reshape(BATCH, -1)[:, :8]


class UnfoldedStates(Unfolded):
    states = True


class Flattened(Model):
    """(batch, time, features) behind a layer with batch_first."""

    def read(self, h: torch.Tensor) -> torch.Tensor:
        return self.parts["rnn"](h)[0].reshape(BATCH, -1)[:, :8]


class AllSteps(Model):
    """Every step of every sample through one layer, and back."""

    def read(self, h: torch.Tensor) -> torch.Tensor:
        steps = self.parts["rnn"](h)[0]
        flat = self.parts["each"](steps.reshape(TIME * BATCH, 8))
        return flat.view(TIME, BATCH, 8)[-1]


HEALTHY: dict[str, Callable[[], None]] = {
    "turned": lambda: train(Turned()),
    "turned-words": lambda: train(Turned(lift=True), (TIME,), words=True),
    "turned-and-viewed": lambda: train(TwiceTurned()),
    "laid-out-by-time": lambda: laid_out_by_time(Turned(), turned=True),
    "unfolded-steps": lambda: train(Unfolded(rnn=nn.LSTM(8, 8)), first=True),
    "unfolded-states": lambda: train(
        UnfoldedStates(rnn=nn.LSTM(8, 4, batch_first=True, bidirectional=True))
    ),
    "flattened": lambda: train(Flattened(rnn=nn.GRU(8, 8, batch_first=True))),
    "all-steps": lambda: train(AllSteps(rnn=nn.GRU(8, 8), each=nn.Linear(8, 8)), first=True),
    "one-number-each": lambda: numbers(OneNumber()),
    "batch-first": lambda: train(Lstm(rnn=nn.LSTM(8, 8, batch_first=True))),
    "time-first": lambda: train(TimeFirst(rnn=nn.LSTM(8, 8)), first=True),
    "encoder": lambda: train(Encoder(encoder=layer(batch_first=True))),
    "pooled": lambda: train(Pooled()),
    "batch-norm": lambda: train(Normed(norm=nn.BatchNorm1d(8))),
    "centred": lambda: train(Centred()),
    "across-samples": lambda: train(AcrossSamples(encoder=layer())),
    "mixup": lambda: train(Mixup()),
    "graph": lambda: train(Graph(), (FEATURES,)),
    "frames": lambda: train(Frames(), (FEATURES,)),
    "tagger": lambda: train(Tagger(), (), words=True),
    "series": steps_of_several_series,
    "pairs": pairs,
}


@pytest.mark.parametrize("loop", HEALTHY.values(), ids=HEALTHY)
def test_samples_that_meet_on_purpose_are_left_alone(loop: Callable[[], None]) -> None:
    assert NAME not in names(loop)


def test_a_gradient_that_is_nan_everywhere_mixes_nothing() -> None:
    def loop() -> None:
        model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2), nn.Sigmoid())
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        x, y = 1e4 * torch.rand(32, 4), (torch.rand(32, 2) > 0.5).float()
        for _ in range(4):
            p = model(x)
            loss = -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    fired = names(loop)
    assert fired  # NaN has a cause, and that is named
    assert NAME not in fired
