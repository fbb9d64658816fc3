"""The benchmark's pieces: everybody trains the same weights, the slope is a slope, a run prints."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def module(name: str) -> Any:
    return import_module(name)


@pytest.mark.parametrize("name", ["line", "digits", "lm"])
@pytest.mark.parametrize(
    "loop", ["with_train", "with_fit", "with_fit_lines", "with_fit_live", "by_hand"]
)
def test_every_loop_of_ours_ends_with_the_weights_of_the_loop_by_hand(name: str, loop: str) -> None:
    if loop == "with_fit_live" and sys.platform == "win32":
        pytest.skip("no pseudo-terminals")
    works, loops = module("works"), module("loops")
    hand, ours = works.WORKS[name].job(3), works.WORKS[name].job(3)
    started = [p.detach().clone() for p in hand.model.parameters()]
    loops.by_hand(hand)
    getattr(loops, loop)(ours)
    left, right = (list(job.model.parameters()) for job in (hand, ours))
    assert all(map(torch.equal, left, right))
    assert not any(map(torch.equal, left, started)), "nothing was trained"


def test_a_difference_in_weights_is_told() -> None:
    iteration = module("iteration")
    one, other = [torch.ones(2), torch.zeros(3)], [torch.ones(2), torch.full((3,), 0.25)]
    assert iteration.difference(one, [t.clone() for t in one]) == "same"
    assert iteration.difference(one, other) == "2.5e-01 off"


def test_the_slope_leaves_out_what_happens_once() -> None:
    timing, work = module("timing"), module("works").WORKS["line"]
    at = {n: timing.Times(cpu=0.5 + 0.002 * n, wall=0.7 + 0.003 * n) for n in (200, 1200)}
    found = timing.cost(work, at[work.short], at[work.long])
    assert found == pytest.approx((0.002, 0.003, 0.5))


def test_ratios_are_taken_round_by_round() -> None:
    iteration, timing = module("iteration"), module("timing")
    base = [timing.Cost(cpu, cpu, 0.0) for cpu in (1.0, 10.0, 100.0)]
    own = [timing.Cost(cpu, cpu, 0.0) for cpu in (2.0, 15.0, 300.0)]
    row = iteration.row("own", own, base, "same")
    assert row.ratio.median == 2.0
    assert row.over.median == 5.0
    assert row.ratio.low <= row.ratio.median <= row.ratio.high


def test_a_short_run_prints_its_table_and_writes_its_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    iteration = module("iteration")
    figures = tmp_path / "figures.json"
    assert iteration.main(["--works", "line", "--quick", "--json", str(figures)]) == 0
    printed, complaints = capsys.readouterr()
    assert complaints == ""
    for name in ("by hand", "by hand, again", "fivestep train", "fivestep fit", "CPU us", "same"):
        assert name in printed
    rows = json.loads(figures.read_text())["works"]["line"]
    assert [row["name"] for row in rows][:4] == list(iteration.OURS)[:4]
    assert all(row["weights"] == "same" for row in rows)


def test_a_peer_that_is_not_installed_is_listed_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    iteration, peers = module("iteration"), module("peers")

    def make() -> Any:
        return import_module("no_such_library")

    monkeypatch.setattr(iteration, "PEERS", (peers.Peer("Nobody", make, "the list"),))
    variants, missing = iteration.everybody()
    assert "Nobody" not in variants
    assert missing["Nobody"] == "not installed (No module named 'no_such_library')"
    assert "Nobody" in iteration.introduction(missing)


def test_targets_are_judged_by_the_figures_of_the_run() -> None:
    iteration, timing = module("iteration"), module("timing")
    base = [timing.Cost(1.0, 1.0, 0.0)] * 3

    def rows(**ratios: float) -> list[Any]:
        return [
            iteration.row(name, [timing.Cost(ratio, ratio, 0.0)] * 3, base, "same")
            for name, ratio in ratios.items()
        ]

    own = {iteration.BASE: 1.0, iteration.AGAIN: 1.0, iteration.TRAIN: 1.01, iteration.FIT: 1.04}
    said = iteration.verdict({"lm": rows(**own), "line": rows(**own, Ignite=1.02, Fabric=1.5)})
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert [line.rsplit(": ", 1)[1] for line in lines if line.startswith("fivestep")] == [
        "met",
        "NOT met",
    ]
    assert [line.rsplit(": ", 1)[1] for line in lines if line.startswith(("Ignite", "Fabric"))] == [
        "fit is NOT below",
        "fit is below",
    ]


def test_a_verdict_within_the_noise_says_so() -> None:
    iteration, timing = module("iteration"), module("timing")
    quiet, loud = timing.Spread(1.0, 0.99, 1.01), timing.Spread(1.0, 0.95, 1.01)
    assert iteration.doubt(quiet, 1.015) == ""
    assert "noise of this run is larger" in iteration.doubt(loud, 1.015)


def test_starts_are_timed_in_fresh_interpreters(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    imports = module("imports")
    monkeypatch.setattr(imports, "STARTS", dict.fromkeys(imports.STARTS, ("-c", "pass")))
    assert imports.main(["--rounds", "2"]) == 0
    printed = capsys.readouterr().out
    assert "import fivestep; fivestep.fit" in printed
    assert "target 1.05" in printed


def test_what_listening_costs_is_printed_with_its_memory(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listening = module("listening")
    monkeypatch.setattr(listening, "WARM_UP", 40)
    works = ["line", "line, accumulated", "line, clipped", "line, scheduled", "line, evaluated"]
    assert listening.main(["--works", *works, "--rounds", "3", "--marks", "10", "20"]) == 0
    printed, complaints = capsys.readouterr()
    assert complaints == ""
    for name in (*works, "heard", "measured", "later", "least", "under 25 us", "MiB held"):
        assert name in printed


def test_every_loop_that_is_listened_to_trains() -> None:
    heard, doctor = module("heard_loops"), module("fivestep.doctor")
    for work in heard.WORKS.values():
        loop = work.make()
        with doctor.listen() as ear:
            loop(min(work.block, 8))
        assert ear.record.counts["update"] >= 1


def test_what_is_later_is_mostly_what_is_heard() -> None:
    listening = module("listening")
    row = listening.Row("line", 100e-6, 120e-6, 2120e-6, 18e-6)
    assert row.later == pytest.approx((120 + 2000 * 2 / 1024) * 1e-6)
    assert "+20.0" in listening.text_of(row)
    assert "+20.0%" in listening.text_of(row)
