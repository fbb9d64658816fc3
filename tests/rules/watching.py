"""Run a loop under the doctor and give back what it says."""

from __future__ import annotations

from collections.abc import Callable

import torch

from fivestep.doctor import diagnose, listen
from fivestep.finding import Report


def watch(loop: Callable[[], object], seed: int = 0) -> Report:
    """The report on ``loop``; no rule may fail in it."""
    with torch.random.fork_rng(devices=[]), listen() as doctor:
        torch.manual_seed(seed)
        loop()
    report = diagnose(doctor.record)
    assert not doctor.record.problems
    assert not [why for why in report.not_checked.values() if "failed" in why]
    return report


def names(loop: Callable[[], object], seed: int = 0) -> list[str]:
    """The rules that fire on ``loop``."""
    return [one.rule for one in watch(loop, seed).findings]
