"""The doctor beside the pieces: silent where the loop is sound, and not made deaf by them."""

from __future__ import annotations

from collections.abc import Collection
from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import fivestep
from fivestep.attach.precision import autocast, scaled


def data() -> list[tuple[Tensor, Tensor]]:
    made = torch.Generator().manual_seed(4)
    x = torch.randn(320, 6, generator=made)
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).long()
    return list(zip(x.split(16), y.split(16), strict=True))


def net() -> nn.Sequential:
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 2))


def equipped(model: nn.Sequential, pieces: Collection[str]) -> Any:
    """An optimizer with these pieces hung on it and on the model."""
    optimizer: Any = torch.optim.AdamW(model.parameters(), lr=0.01)
    if "together" in pieces:
        second = torch.optim.AdamW(model[2].parameters(), lr=0.02)
        optimizer = fivestep.together(torch.optim.AdamW(model[0].parameters(), lr=0.01), second)
    if "clip" in pieces:
        fivestep.clip(optimizer, norm=1.0)
    if "average" in pieces:
        fivestep.average(model, optimizer, decay=0.9)
    if "schedule" in pieces:
        updates = 25 if "accumulate" in pieces else 100
        fivestep.schedule(optimizer, fivestep.cosine(warmup="0.1 run"), run=f"{updates} updates")
    if "bfloat16" in pieces:
        autocast(model, "bfloat16")
    if "float16" in pieces:
        autocast(model, "float16")
        optimizer = scaled(model, optimizer)
    if "accumulate" in pieces:
        optimizer = fivestep.accumulate(optimizer, 4)
    return optimizer


def heard(pieces: Collection[str], *, clears: bool = True, epochs: int = 5) -> list[str]:
    model = net()
    optimizer = equipped(model, pieces)
    with fivestep.listen() as doctor:
        for _ in range(epochs):
            each = optimizer.batches(data()) if "accumulate" in pieces else data()
            for inputs, targets in each:
                loss = functional.cross_entropy(model(inputs), targets)
                if clears:
                    optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return [finding.rule for finding in doctor.report().findings]


ONE = ("clip", "average", "schedule", "bfloat16", "float16", "accumulate", "together")
SETS = [*((one,) for one in ONE), *combinations(ONE, 2)]
SETS.remove(("bfloat16", "float16"))


@pytest.mark.parametrize("pieces", SETS, ids="-".join)
def test_a_sound_loop_with_pieces_is_silent(pieces: tuple[str, ...]) -> None:
    assert heard(set(pieces)) == []


def test_all_at_once() -> None:
    assert heard(set(ONE) - {"bfloat16"}) == []


@pytest.mark.parametrize("piece", [one for one in ONE if one != "accumulate"])
def test_gradients_that_are_never_cleared_are_found_beside_each(piece: str) -> None:
    assert heard({piece}, clears=False) == ["stale-gradient"]


def test_a_window_clears_by_itself_what_a_loop_forgets_to() -> None:
    weights: list[Tensor] = []
    for clears in (True, False):
        model = net()
        optimizer = equipped(model, {"accumulate"})
        for inputs, targets in optimizer.batches(data()):
            loss = functional.cross_entropy(model(inputs), targets)
            if clears:
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        weights.append(next(model.parameters()).detach())
    assert torch.equal(*weights)
