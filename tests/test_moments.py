"""The moments of ``train`` give the same vitals as listening to the same loop from outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from fivestep.doctor import diagnose, listen
from fivestep.loop import Step, train
from fivestep.vitals import Backward, Clear, Forward, Loss, Update
from fivestep.watch import Watch


def _batches(count: int = 12) -> Iterator[Any]:
    generator = torch.Generator().manual_seed(1)
    for _ in range(count):
        x = torch.randn(16, 4, generator=generator)
        yield x, x[:, :1] + 1


def _parts() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    return model, torch.optim.SGD(model.parameters(), 0.1)


def test_the_same_numbers_as_overheard() -> None:
    model, optimizer = _parts()
    watch = Watch(model, F.mse_loss, optimizer)
    for _ in watch(train(model, F.mse_loss, optimizer, _batches())):
        pass
    model, optimizer = _parts()
    with listen() as doctor:
        for _ in train(model, F.mse_loss, optimizer, _batches()):
            pass
    ours, heard = watch.record, doctor.record
    assert not ours.problems
    order = [Forward, Loss, Clear, Backward, Update]
    for mine, theirs in zip(ours.iterations, heard.iterations, strict=True):
        assert [type(event) for event in mine.events] == order
        assert [type(event) for event in theirs.events] == order
        assert [event.site for event in mine.events if event.site is None] == []
        for kind in (Backward, Update):
            (one,), (other,) = mine.of(kind), theirs.of(kind)
            for name in ("value", "gradient_norm", "carried", "gradients", "ratio", "optimizers"):
                assert getattr(one, name, None) == getattr(other, name, None)
    assert ours.series[0].points == heard.series[0].points
    assert not diagnose(ours).findings


def test_weights_are_the_same_to_the_bit() -> None:
    weights: list[list[float]] = []
    for watched in (False, True):
        model, optimizer = _parts()
        moments = train(model, F.mse_loss, optimizer, _batches(40))
        for _ in Watch(model, F.mse_loss, optimizer)(moments) if watched else moments:
            pass
        weights.append([float(v) for p in model.parameters() for v in p.detach().flatten()])
    assert weights[0] == weights[1]


def test_a_fault_in_the_loop_body_is_seen() -> None:
    model, optimizer = _parts()
    watch = Watch(model, nn.MSELoss(), optimizer)
    for moment in watch(train(model, nn.MSELoss(), optimizer, _batches())):
        if moment.step is Step.BACKWARD:
            optimizer.zero_grad()
    updates = [event for _, event in watch.record.events(Update)]
    assert {event.gradients for event in updates} == {"none"}


def test_broadcasting_is_found_without_hooks() -> None:
    model, optimizer = _parts()
    watch = Watch(model, F.mse_loss, optimizer)
    pairs = ((x, y.squeeze(1)) for x, y in _batches())
    torch_warns = train(model, lambda p, t: ((p - t) ** 2).mean(), optimizer, pairs)
    for _ in watch(torch_warns):
        pass
    assert [one.rule for one in watch.report().findings] == ["broadcast-loss"]


def test_a_fault_of_the_watch_ends_only_the_watching() -> None:
    model, optimizer = _parts()
    watch: Any = Watch(model, F.mse_loss, optimizer)
    watch.recorder.losses = None
    assert len(list(watch(train(model, F.mse_loss, optimizer, _batches(3))))) == 15
    assert len(watch.record.problems) == 1
