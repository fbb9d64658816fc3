"""restless-evaluation: dropout that eval() does not reach, and dropout that is meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from watching import names, watch

NAME = "restless-evaluation"


def run(model: nn.Module, *, rounds: int = 1, prepare: Any = None) -> None:
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(6):
        y = torch.randint(3, (16,))
        loss = F.cross_entropy(model(torch.randn(16, 6) + y.unsqueeze(1)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    if prepare is not None:
        prepare(model)
    x, y = torch.randn(16, 6), torch.randint(3, (16,))
    with torch.no_grad():
        votes = torch.stack([model(x) for _ in range(rounds)])
        (votes.mean(0).argmax(1) == y).sum().item()


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(6, 16), nn.Linear(16, 3)
        self.build()

    def build(self) -> None: ...

    def thin(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.two(self.thin(self.one(x).relu()))


class Functional(Net):
    def thin(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x, p=0.25)


class MadeInForward(Net):
    def thin(self, x: torch.Tensor) -> torch.Tensor:
        return nn.Dropout(0.5)(x)


class InList(Net):
    def build(self) -> None:
        self.after = [nn.Dropout(0.4)]

    def thin(self, x: torch.Tensor) -> torch.Tensor:
        for one in self.after:
            x = one(x)
        return x


class Channels(Net):
    def thin(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout1d(x.unsqueeze(2)).squeeze(2)


class Attention(Net):
    rate = 0.5

    def thin(self, x: torch.Tensor) -> torch.Tensor:
        q = x.view(len(x), 1, 4, 4)
        y = F.scaled_dot_product_attention(q, q, q, dropout_p=self.rate, is_causal=True)
        return y.reshape(len(x), 16)


SICK = {
    Attention: "scaled_dot_product_attention drops 50% of the weights though the model is in eval mode",
    Functional: "F.dropout drops 25% of the values though the model is in eval mode",
    MadeInForward: "a Dropout drops 50% of the values though the model is in eval mode",
    InList: "a Dropout drops 40% of the values though the model is in eval mode",
    Channels: "F.dropout drops 50% of the values though the model is in eval mode",
}


@pytest.mark.parametrize("kind", SICK, ids=lambda kind: kind.__name__)
def test_dropout_that_eval_does_not_reach_is_named(kind: type[nn.Module]) -> None:
    (finding,) = watch(lambda: run(kind())).findings
    assert finding.rule == NAME
    assert finding.message == SICK[kind]


def test_line_is_that_of_the_dropout() -> None:
    (finding,) = watch(lambda: run(Functional())).findings
    assert finding.site is not None
    assert finding.site.function == "thin"
    assert "training=self.training" in finding.fix


class Twice(Net):
    def thin(self, x: torch.Tensor) -> torch.Tensor:
        x = F.dropout(x, 0.1)
        return F.dropout(x, 0.3)


def test_two_lines_are_one_finding_that_names_both() -> None:
    (finding,) = watch(lambda: run(Twice())).findings
    assert finding.site is not None
    first = finding.site.line
    assert finding.evidence["lines"] == f"{first}, {first + 1}"
    assert finding.message.endswith(f"(lines {first}, {first + 1})")


# -- healthy ------------------------------------------------------------------------------------


class Told(Net):
    def thin(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x, 0.5, self.training)


class Meant(Net):
    def thin(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x, p=0.5, training=True)


class MeantByPosition(Net):
    def thin(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x, 0.5, True)


class MeantOverSeveralLines(Net):
    def thin(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(
            x,
            p=0.5,
            training=True,
        )


class TellingAttention(Attention):
    @property
    def rate(self) -> float:
        return 0.5 if self.training else 0.0


class ModuleAttention(Net):
    def build(self) -> None:
        self.attention = nn.MultiheadAttention(4, 1, dropout=0.5, batch_first=True)

    def thin(self, x: torch.Tensor) -> torch.Tensor:
        q = x.view(len(x), 4, 4)
        return self.attention(q, q, q, need_weights=False)[0].reshape(len(x), 16)


class Registered(Net):
    def build(self) -> None:
        self.drop = nn.Dropout(0.5)

    def thin(self, x: torch.Tensor) -> torch.Tensor:
        return self.drop(x)


class Nothing(Net):
    def thin(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x, 0.0)


def awake(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.train()


HEALTHY: dict[str, Callable[[], None]] = {
    "told": lambda: run(Told()),
    "meant": lambda: run(Meant()),
    "meant-by-position": lambda: run(MeantByPosition()),
    "meant-over-several-lines": lambda: run(MeantOverSeveralLines()),
    "attention-that-knows-the-mode": lambda: run(TellingAttention()),
    "attention-module": lambda: run(ModuleAttention()),
    "attention-many-votes": lambda: run(Attention(), rounds=12),
    "many-votes": lambda: run(Functional(), rounds=12),
    "registered": lambda: run(Registered()),
    "woken-on-purpose": lambda: run(Registered(), rounds=12, prepare=awake),
    "nothing-dropped": lambda: run(Nothing()),
}


@pytest.mark.parametrize("loop", HEALTHY.values(), ids=HEALTHY)
def test_dropout_on_purpose_is_left_alone(loop: Callable[[], None]) -> None:
    assert names(loop) == []
