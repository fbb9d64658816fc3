"""synchronising-loop: reads of every iteration, heard through the stand-in of practice."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as fn

from fivestep.doctor import diagnose, listen
from fivestep.finding import Report
from fivestep.practice import Practice, overhear
from fivestep.vitals import Read


def watch(every: int = 1, *, how: str = "item", evaluating: bool = False) -> Report:
    def loop(practice: Practice) -> None:
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for step in range(40):
            x = torch.randn(8, 4)
            loss = fn.mse_loss(model(x), x[:, :1])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % every == 0 and not evaluating:
                getattr(practice.far(loss), how)()
        with torch.no_grad():
            for _ in range(20 if evaluating else 0):
                getattr(practice.far(fn.mse_loss(model(x), x[:, :1])), how)()

    return diagnose(overhear(loop))


def test_a_read_in_each_iteration() -> None:
    (finding,) = watch().findings
    assert finding.rule == "synchronising-loop"
    assert finding.count == 40
    assert finding.evidence["function"] == "item"
    assert finding.severity.value == "costly"


def test_every_way_of_reading() -> None:
    for how in ("tolist", "__float__", "__bool__"):
        (finding,) = watch(how=how).findings
        assert finding.evidence["function"] == how


def test_a_read_now_and_then_is_silent() -> None:
    assert not watch(10).findings


def test_reads_of_an_evaluation_are_silent() -> None:
    assert not watch(evaluating=True).findings


def test_reads_on_the_processor_are_not_even_heard() -> None:
    model = nn.Linear(4, 1)
    doctor = listen()
    doctor.hear_reads()
    with doctor:
        for _ in range(20):
            loss = fn.mse_loss(model(torch.ones(8, 4)), torch.ones(8, 1))
            loss.backward()
            model.zero_grad()
            float(loss.detach())
    report = diagnose(doctor.record)
    assert not doctor.record.count(Read)
    assert "accelerator" in report.not_checked["synchronising-loop"]
