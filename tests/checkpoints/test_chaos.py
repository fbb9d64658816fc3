"""A share of the campaign of ``make chaos``; and that the campaign would see what it looks for."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from checkpoints.resumed import same
from fivestep.checkpoints import store

ROOT = Path(__file__).resolve().parents[2]
POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="each trial is forked off")


def chaos(name: str) -> Any:
    """Import a module of the campaign, which lies beside the package and not in it."""
    sys.path.insert(0, str(ROOT))
    try:
        return import_module(f"benchmarks.chaos.{name}")
    finally:
        sys.path.remove(str(ROOT))


def campaign(folder: Path, *names: str) -> dict[str, dict[str, Any]]:
    figures = folder / "figures.json"
    command = [sys.executable, "-m", "benchmarks.chaos", "--short", "--json", str(figures)]
    done = subprocess.run(
        [*command, "--only", *names], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["name"]: row for row in json.loads(figures.read_text())}
    assert [rows[name]["failures"] for name in names] == [{}] * len(names)
    return rows


@POSIX
@pytest.mark.timeout(1200)
def test_killed_anywhere_in_25_configurations_it_ends_the_same(tmp_path: Path) -> None:
    rows = campaign(tmp_path, "kills", "power", "fresh")
    assert rows["kills"]["trials"] >= 2 * len(chaos("works").NAMES) == 50
    assert rows["power"]["counts"]["power"] >= rows["power"]["trials"] == 25
    assert sum(rows[name]["counts"][name] for name in ("kills", "power")) >= 60
    assert rows["fresh"]["counts"]["kills"] == rows["fresh"]["trials"] == 1


@POSIX
@pytest.mark.timeout(600)
def test_damaged_files_are_recovered_or_refused_and_run_no_code(tmp_path: Path) -> None:
    rows = campaign(tmp_path, "damages", "crafted")
    for name, ways in (("damages", ("newest", "the one before", "refused")),
                       ("crafted", ("the one before", "refused", "read as values"))):  # fmt: skip
        assert all(rows[name]["counts"][f"=> {way}"] > 0 for way in ways)


@POSIX
@pytest.mark.timeout(600)
def test_full_disks_signals_dead_workers_and_rivals_lose_nothing(tmp_path: Path) -> None:
    names = ("faults", "tmpfs", "sigterm", "worker", "rivals", "seeks")
    rows = campaign(tmp_path, *names)
    assert rows["sigterm"]["counts"]["ended with 75"] > 0
    assert rows["rivals"]["counts"]["refused by number"] > 0
    assert rows["faults"]["counts"]["=> finished"] > 0


@pytest.mark.parametrize("name", chaos("works").NAMES)
def test_every_configuration_begins_alike_in_every_process(name: str) -> None:
    states: list[Any] = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        made = chaos("works").WORKS[name]()
        states.append({"model": made.model.state_dict(), "optimizer": made.optimizer.state_dict()})
    same(*states)


def wrong_ones(tmp_path: Path, count: int = 60) -> list[str]:
    """Damage some files, and collect what the campaign finds wrong with how they are read."""
    damages, chance = chaos("damages"), random.Random(0)
    whole = damages.saved("line", tmp_path)
    files = [damages.damaged(whole, chance)[0] for _ in range(count)]
    found = [damages.judged(damages.load(one), one, whole)[0] for one in files]
    damages.saved.cache_clear()
    return [text for text in found if text]


def test_the_campaign_sees_a_reader_that_trusts_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wrong_ones(tmp_path) == []

    def trusting(self: Any, name: str, _: object) -> bytes:
        return self._disk.read(self.folder / name)

    again = tmp_path / "again"
    again.mkdir()
    monkeypatch.setattr(store.Store, "_checked", trusting)
    assert wrong_ones(again) != []


def test_the_campaign_sees_one_bit_of_one_weight() -> None:
    outcome = chaos("outcome")
    whole = {"/weights/0": "torch.float32 (1,) ab", "/history": "list of 2"}
    assert outcome.differences(dict(whole), whole) == []
    assert outcome.differences(whole | {"/weights/0": "torch.float32 (1,) ac"}, whole)
    assert outcome.differences({"/history": "list of 2"}, whole)
    assert outcome.differences(whole, {"/history": "list of 2"})
