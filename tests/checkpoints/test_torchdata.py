"""torchdata's StatefulDataLoader, killed and gone on with: to the bit, from its own position."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from checkpoints.resumed import Made, Stop, equal, same, stopped, trained
from checkpoints.test_loaders import SAMPLES, Augmented, Stream, make
from fivestep import Checkpoint

# What its last release, of February 2025, calls in a torch that is newer.
pytestmark = pytest.mark.filterwarnings("ignore:'set_vital' is deprecated")
stateful: Any = pytest.importorskip("torchdata.stateful_dataloader")

CASES = {
    "samples": lambda: stateful.StatefulDataLoader(Augmented(), batch_size=4, shuffle=True),
    "samples, 2 workers": lambda: stateful.StatefulDataLoader(
        Augmented(), batch_size=4, shuffle=True, num_workers=2
    ),
    "samples, 2 persistent workers": lambda: stateful.StatefulDataLoader(
        Augmented(), batch_size=4, shuffle=True, num_workers=2, persistent_workers=True
    ),
    "stream": lambda: stateful.StatefulDataLoader(Stream(), batch_size=4),
    "stream, 2 workers": lambda: stateful.StatefulDataLoader(Stream(), batch_size=4, num_workers=2),
}


def stops(name: str) -> tuple[int, ...]:
    return (4, 8) if "worker" in name else (1, 4, 5, 6, 7)


@pytest.mark.parametrize("name", CASES)
def test_fit_goes_on_where_it_was(name: str, tmp_path: Path) -> None:
    def made() -> Made:
        return make(CASES[name])

    whole = trained(made, tmp_path / "whole")
    for at in stops(name):
        torch.rand(at)  # what the process drew before is no part of it
        assert stopped(made, tmp_path / f"at {at}", at)
        equal(trained(made, tmp_path / f"at {at}"), whole)


def looped(folder: Path, loader: Callable[[], Any], at: int = 0) -> dict[str, Any]:
    """A hand-written loop of two epochs, ended before iteration ``at``."""
    torch.manual_seed(7)
    model = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.5), nn.Linear(4, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    checkpoint = Checkpoint(folder, {"model": model, "optimizer": optimizer}, every=1)
    data, seen = loader(), list[Any]()
    for _ in checkpoint.epochs(2):
        for inputs, targets in checkpoint.batches(data):
            if at and len(seen) == at:
                raise Stop
            seen.append(inputs)
            loss = nn.functional.mse_loss(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict()}


@pytest.mark.parametrize("name", CASES)
def test_a_loop_by_hand_goes_on_where_it_was(name: str, tmp_path: Path) -> None:
    whole = looped(tmp_path / "whole", CASES[name])
    for at in stops(name):
        with pytest.raises(Stop):
            looped(tmp_path / f"at {at}", CASES[name], at)
        same(looped(tmp_path / f"at {at}", CASES[name]), whole)


def test_batches_before_the_place_are_not_loaded(tmp_path: Path) -> None:
    loaded: list[int] = []

    class Counting(Augmented):
        def __getitem__(self, index: int) -> Any:
            loaded.append(index)
            return super().__getitem__(index)

    def made() -> Made:
        return make(lambda: stateful.StatefulDataLoader(Counting(), batch_size=4, shuffle=True))

    assert stopped(made, tmp_path, 5)
    loaded.clear()
    trained(made, tmp_path)
    assert len(loaded) == SAMPLES * 2 - 5 * 4


class Remembering(Stream):
    """A stream that knows where it is, as torchdata asks for it: nothing is read twice."""

    def __init__(self) -> None:
        self.at, self.made = 0, 0

    def __iter__(self) -> Any:
        while self.at < SAMPLES:
            self.at += 1
            self.made += 1
            yield torch.tensor([self.at / SAMPLES, 1.0]), torch.rand(1)
        self.at = 0

    def state_dict(self) -> dict[str, int]:
        return {"at": self.at}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.at = state["at"]


def test_a_stream_that_knows_its_place_is_asked_for_it(tmp_path: Path) -> None:
    def made() -> Made:
        return make(lambda: stateful.StatefulDataLoader(Remembering(), batch_size=4))

    whole = trained(made, tmp_path / "whole")
    assert stopped(made, tmp_path / "cut", 4)
    stream = Remembering()
    loader = stateful.StatefulDataLoader(stream, batch_size=4)
    equal(trained(lambda: make(lambda: loader), tmp_path / "cut"), whole)
    assert stream.made == SAMPLES * 2 - 4 * 4
