"""aliased-best: states that change with the weights, and states that are used in time."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from small_loops import batches, fit, line, network
from torch import nn
from watching import names, watch

NAME = "aliased-best"
BEST = (3, 9, 14)  # iterations that count as the best so far


def training(
    keep: Callable[[nn.Module], Any], use: Callable[[nn.Module, Any], Any]
) -> Callable[[], None]:
    """``keep(model)`` now and then, ``use(model, what was kept last)`` at the end."""

    def loop() -> None:
        model, kept = network(4, 1), None
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        for number, (x, y) in enumerate(batches(*line())):
            loss = F.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if number in BEST:
                kept = keep(model)
        use(model, kept)

    return loop


def by_evaluation() -> None:
    """The best is the last: the state that is loaded is live all the same."""
    model, lowest, (x, y) = network(4, 1), float("inf"), line()
    best_state = model.state_dict()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(5):
        fit(model, nn.MSELoss(), batches(x, y, count=4), optimizer)
        model.eval()
        with torch.no_grad():
            value = F.mse_loss(model(x), y).item()
        model.train()
        if value < lowest:
            lowest, best_state = value, model.state_dict()
    model.load_state_dict(best_state)


def only_kept() -> None:
    """Handed back as the best, and never used here."""
    model = network(4, 1)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    best_weights = model.state_dict()
    for number, (x, y) in enumerate(batches(*line())):
        fit(model, nn.MSELoss(), [(x, y)], optimizer)
        if number in BEST:
            best_weights = model.state_dict()
    assert best_weights


def load(model: nn.Module, state: Any) -> None:
    model.load_state_dict(state)


def load_elsewhere(model: nn.Module, state: Any) -> None:
    network(4, 1).load_state_dict(state)


def save(model: nn.Module, state: Any) -> None:
    torch.save(state, io.BytesIO())


def state(model: nn.Module) -> Any:
    return model.state_dict()


def save_at_once(model: nn.Module) -> Any:
    best = {"model": model.state_dict()}
    torch.save(best, io.BytesIO())
    return best


def target_network() -> None:
    """Two states at a time, mixed and loaded before the next update."""
    model, target = network(4, 2), network(4, 2)
    target.load_state_dict(model.state_dict())
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(20):
        fit(
            model,
            lambda p, y: F.smooth_l1_loss(p, y),
            [(torch.randn(16, 4), torch.randn(16, 2))],
            optimizer,
        )
        slow, fast = target.state_dict(), model.state_dict()
        for name in fast:
            slow[name] = 0.1 * fast[name] + 0.9 * slow[name]
        target.load_state_dict(slow)


def pretrained_in_part() -> None:
    old, model = network(4, 1), network(4, 1)
    own = model.state_dict()
    own.update({name: one for name, one in old.state_dict().items() if name.startswith("0")})
    model.load_state_dict(own)
    fit(model, nn.MSELoss(), batches(*line()))


def looked_at_first() -> None:
    model = network(4, 1)
    own = model.state_dict()
    fit(model, nn.MSELoss(), batches(*line()))
    assert list(own)


def average_of_clients() -> None:
    model = network(4, 1)
    for _ in range(3):
        states: list[dict[str, torch.Tensor]] = []
        for _ in range(3):
            client = copy.deepcopy(model)
            fit(client, nn.MSELoss(), batches(*line(), count=4))
            states.append(client.state_dict())
        model.load_state_dict({name: sum(one[name] for one in states) / 3 for name in states[0]})


@pytest.mark.parametrize(
    "loop",
    [
        training(state, load),
        training(state, load_elsewhere),
        training(state, save),
        training(lambda model: {"epoch": 1, "model": model.state_dict()}, save),
        training(lambda model: copy.copy(model.state_dict()), load),
        training(lambda model: {k: v.cpu() for k, v in model.state_dict().items()}, load),
        training(lambda model: {k: v.detach() for k, v in model.state_dict().items()}, load),
        by_evaluation,
        only_kept,
    ],
)
def test_a_live_state_is_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


@pytest.mark.parametrize(
    "loop",
    [
        training(lambda model: copy.deepcopy(model.state_dict()), load),
        training(lambda model: {k: v.clone() for k, v in model.state_dict().items()}, load),
        training(save_at_once, lambda model, kept: None),
        training(state, lambda model, kept: load(model, model.state_dict())),
        target_network,
        pretrained_in_part,
        looked_at_first,
        average_of_clients,
    ],
)
def test_a_copy_or_a_state_used_in_time_is_left_alone(loop: Callable[[], None]) -> None:
    assert names(loop) == []


def test_it_says_how_often_the_weights_changed_and_mends_the_line() -> None:
    (finding,) = watch(training(state, load)).findings
    assert "the weights changed 5 times after it was taken" in finding.message
    assert finding.site is not None
    assert finding.site.function == "state"
    assert (
        finding.fix
        == "copy it when you keep it (`import copy`): `return copy.deepcopy(model.state_dict())`"
    )
