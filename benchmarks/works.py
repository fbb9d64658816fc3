"""What is trained: a line, handwritten digits, a language model, each small, known and seeded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import cycle, islice
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

Batch = tuple[Tensor, Tensor]


class Job(NamedTuple):
    """One training to run. Everybody gets an equal one of their own; the batches are in memory."""

    model: nn.Module
    loss_fn: nn.Module
    optimizer: torch.optim.Optimizer
    batches: list[Batch]


@dataclass(frozen=True)
class Work:
    """One kind of training, and the two lengths between which an iteration's cost is read off."""

    what: str
    model: Callable[[], nn.Module]
    loss_fn: Callable[[], nn.Module]
    optimizer: Callable[[Any], torch.optim.Optimizer]
    pool: Callable[[], Sequence[Batch]]
    short: int
    long: int

    def job(self, iterations: int) -> Job:
        """Make the same model, optimizer and list of batches, whoever asks."""
        torch.manual_seed(0)
        model = self.model()
        batches = list(islice(cycle(self.pool()), iterations))
        return Job(model, self.loss_fn(), self.optimizer(model.parameters()), batches)


class ByteTransformer(nn.Module):
    """Predicts the next byte: 4 layers of width 128 over a context of 64."""

    def __init__(self, width: int = 128, context: int = 64, layers: int = 4) -> None:
        super().__init__()
        self.bytes, self.places = nn.Embedding(256, width), nn.Embedding(context, width)
        layer = nn.TransformerEncoderLayer(
            width, 4, 4 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.logits = nn.Linear(width, 256)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(context))

    def forward(self, text: Tensor) -> Tensor:
        """Give the logits of each next byte: (N, context) of int64 to (N, context, 256)."""
        places = torch.arange(text.shape[1])
        hidden = self.bytes(text) + self.places(places)
        return self.logits(self.layers(hidden, mask=self.mask, is_causal=True))


class NextByte(nn.CrossEntropyLoss):
    """Cross-entropy over every position."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        """Average over the positions of all texts."""
        return super().forward(input.flatten(0, 1), target.flatten())


def line_batches() -> list[Batch]:
    x = torch.linspace(-1, 1, 100).unsqueeze(1)
    return [(x, 2 * x + 1 + 0.1 * torch.randn(100, 1))]


def digits_batches() -> list[Batch]:
    from sklearn.datasets import load_digits  # pyright: ignore[reportUnknownVariableType]

    images, labels = load_digits(return_X_y=True)
    inputs = torch.as_tensor(images, dtype=torch.float32) / 16
    targets = torch.as_tensor(labels, dtype=torch.int64)
    whole = len(inputs) // 64 * 64
    return list(zip(inputs[:whole].split(64), targets[:whole].split(64), strict=True))


def text_batches() -> list[Batch]:
    texts = torch.randint(0, 256, (8, 16, 65))
    return [(text[:, :-1], text[:, 1:]) for text in texts]


WORKS = {
    "line": Work(
        "nn.Linear(1, 1), squared error, SGD, batch of 100",
        model=lambda: nn.Linear(1, 1),
        loss_fn=nn.MSELoss,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.1),
        pool=line_batches,
        short=200,
        long=1200,
    ),
    "digits": Work(
        "64-128-128-10, cross-entropy, Adam, batch of 64",
        model=lambda: nn.Sequential(
            *(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
        ),
        loss_fn=nn.CrossEntropyLoss,
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=1e-3),
        pool=digits_batches,
        short=50,
        long=300,
    ),
    "lm": Work(
        "byte transformer, 4 layers, width 128, context 64, AdamW, batch of 16",
        model=ByteTransformer,
        loss_fn=NextByte,
        optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=1e-3),
        pool=text_batches,
        short=4,
        long=16,
    ),
}


def available(name: str) -> bool:
    """Tell whether the data of a work is there: the digits come with scikit-learn."""
    return name != "digits" or find_spec("sklearn") is not None
