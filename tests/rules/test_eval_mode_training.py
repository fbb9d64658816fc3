"""eval-mode-training: layers with a mode of their own, recurrent ones among them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from watching import names, watch

NAME = "eval-mode-training"


class Reader(nn.Module):
    def __init__(self, layers: int = 2, rate: float = 0.3) -> None:
        super().__init__()
        self.rnn = nn.GRU(3, 8, num_layers=layers, dropout=rate if layers > 1 else 0.0)
        self.head = nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x)[0][-1])


class Attending(nn.Module):
    def __init__(self, rate: float = 0.3) -> None:
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(3, 1, dropout=rate), nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.attention(x, x, x)[0].mean(0))


def train(model: nn.Module, *, lively: bool = False, updates: int = 6) -> None:
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    model.train(lively)
    for _ in range(updates):
        x = torch.randn(5, 16, 3)
        loss = F.mse_loss(model(x), x[0, :, :1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize(
    ("model", "kind"),
    [(Reader, "GRU"), (Attending, "MultiheadAttention")],
    ids=["gru", "attention"],
)
def test_dropout_inside_a_layer_counts(model: type[nn.Module], kind: str) -> None:
    (finding,) = watch(lambda: train(model())).findings
    assert finding.rule == NAME
    assert finding.evidence == {"modules_in_eval_mode": 1, "kinds": kind, "updates": 6}


HEALTHY: dict[str, Callable[[], None]] = {
    "one-layer": lambda: train(Reader(layers=1)),
    "no-rate": lambda: train(Reader(rate=0.0)),
    "attention-without-rate": lambda: train(Attending(rate=0.0)),
    "train-mode": lambda: train(Reader(), lively=True),
    "a-trial": lambda: train(Reader(), updates=2),
}


@pytest.mark.parametrize("loop", HEALTHY.values(), ids=HEALTHY)
def test_layers_without_a_mode_are_left_alone(loop: Callable[[], None]) -> None:
    assert names(loop) == []
