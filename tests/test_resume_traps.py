"""The judges of the resumed trainings can say both, and fivestep's column is right throughout."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks" / "resume_traps"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its lives are forked")


def module(name: str) -> Any:
    """A module of the traps, which lie beside the package and not in it."""
    sys.path.insert(0, str(ROOT))
    try:
        return import_module(f"benchmarks.resume_traps.{name}")
    finally:
        sys.path.remove(str(ROOT))


def names() -> list[str]:
    return [trap.name for trap in module("truths").TRAPS]


def column(name: str, out: Path, *traps: str) -> dict[str, tuple[str, str]]:
    """A library's cells, in a process of its own, as the command makes them."""
    command = [sys.executable, "-m", "benchmarks.resume_traps.one", name, str(out), *traps]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = json.loads(out.read_text())
    return {trap: (cell["verdict"], cell["said"]) for trap, cell in made["cells"].items()}


# --- The libraries --------------------------------------------------------------------------------


@pytest.mark.timeout(600)  # some fifty trainings, one after the other
def test_fivestep_is_right_in_all(tmp_path: Path) -> None:
    cells = column("with_fivestep", tmp_path / "cells.json")
    assert list(cells) == names()
    assert {name: said for name, (verdict, said) in cells.items() if verdict != "right"} == {}


def test_the_loop_by_hand_falls_into_the_traps(tmp_path: Path) -> None:
    traps = ("order", "dropout", "flipped", "half_written", "sigterm")
    cells = column("by_hand", tmp_path / "cells.json", *traps)
    verdicts = {name: verdict for name, (verdict, _) in cells.items()}
    wrong = dict.fromkeys(traps, "wrong")
    assert verdicts == wrong | {"half_written": "refuses"}
    # The first epoch's order again, from its start: what was seen of the second comes anew.
    assert cells["order"][1] == "20 twice, 0 never, 5 iterations too many"
    assert cells["sigterm"][1].startswith("signal 15, 3 made again")


@pytest.mark.parametrize("file", sorted(FOLDER.glob("with_*.py")), ids=lambda file: file.stem)
def test_every_library_has_every_training(file: Path) -> None:
    text, needed = file.read_text(encoding="utf-8"), (FOLDER / "by_hand.py").read_text()
    trainings = [line for line in needed.splitlines() if line.endswith("(life):")]
    assert len(trainings) > 10
    assert [one for one in trainings if f"\n{one}" not in text] == []
    assert "\nsigterm = plain" in text or "\ndef sigterm(life):" in text


# --- The judges -----------------------------------------------------------------------------------


def seen(at: int, ids: list[int], mask: int = 0) -> dict[str, Any]:
    return {"at": at, "ids": ids, "rows": [1000 * at + i for i in ids], "mask": mask}


def epochs(order: list[int]) -> list[dict[str, Any]]:
    """Thirty iterations, every epoch in this order."""
    return [seen(at, order[at % 10 * 4 : at % 10 * 4 + 4], mask=at) for at in range(30)]


ORDER = list(range(40))
RIGHT = torch.arange(5.0)


class Lives:
    """A bench whose lives are written down here."""

    def __init__(self, second: list[dict[str, Any]], left: Any = None, error: str = "") -> None:
        outcome = module("lives").Outcome
        whole = {"weights": RIGHT, "trained": 50, "best": 0.5, "logged": [1, 2, 3]}
        self.whole = outcome(0, epochs(ORDER), whole)
        ended = {} if error else whole | (left or {})
        self.pair = outcome(-9, epochs(ORDER)[:18]), outcome(0, second, ended, error)

    def untouched(self, name: str, workers: int = 0) -> Any:
        return self.whole

    def killed(self, name: str, **_: int) -> Any:
        return self.pair


def judged(name: str, bench: Lives) -> tuple[str, str]:
    (trap,) = (one for one in module("truths").TRAPS if one.name == name)
    answer = trap.judge(bench)
    return answer.verdict, answer.said


JUDGED_BY_TWO = ["order", "weights", "stream", "dropout", "augmentation", "stopping", "history"]


@pytest.mark.parametrize("name", JUDGED_BY_TWO)
def test_what_went_on_as_it_was_is_right(name: str) -> None:
    assert judged(name, Lives(epochs(ORDER)[15:]))[0] == "right"
    assert judged(name, Lives(epochs(ORDER)[10:]))[0] == "right"  # from an earlier save


@pytest.mark.parametrize("name", JUDGED_BY_TWO)
def test_what_does_not_go_on_refuses(name: str) -> None:
    assert judged(name, Lives([], error="ValueError: no")) == ("refuses", "ValueError: no")


def test_samples_are_counted_in_the_epoch_that_was_cut() -> None:
    again = [seen(at, ORDER[(at - 15) * 4 :][:4]) for at in range(15, 20)] + epochs(ORDER)[20:]
    assert judged("order", Lives(again)) == ("wrong", "20 twice, 20 never")
    last = seen(19, [36, 37, 38, 38])
    one_off = [*epochs(ORDER)[15:19], last, *epochs(ORDER)[20:]]
    assert judged("order", Lives(one_off)) == ("wrong", "1 twice, 1 never")
    few = epochs(ORDER)[15:29]
    assert judged("order", Lives(few)) == ("wrong", "0 twice, 4 never, 1 iteration too few")


def test_one_bit_of_a_weight_is_a_difference() -> None:
    other = RIGHT.clone()
    other[2] = torch.nextafter(other[2], torch.tensor(9.0))
    assert judged("weights", Lives(epochs(ORDER)[15:], {"weights": other}))[0] == "wrong"
    nan = torch.full((5,), float("nan"))
    assert judged("weights", Lives(epochs(ORDER)[15:], {"weights": nan}))[0] == "wrong"


def test_other_numbers_are_counted() -> None:
    rest = epochs(ORDER)[15:]
    rest[3] = rest[3] | {"mask": -1, "rows": [-1, *rest[3]["rows"][1:]]}
    assert judged("dropout", Lives(rest)) == ("wrong", "1 of 15 masks differ")
    assert judged("augmentation", Lives(rest)) == ("wrong", "1 of 60 samples differ")


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("stopping", {"trained": 60}),
        ("stopping", {"best": 0.9}),
        ("history", {"logged": [1, 2, 2, 3]}),
        ("history", {"logged": [1, 3]}),
    ],
)
def test_what_is_left_is_compared(name: str, left: dict[str, Any]) -> None:
    assert judged(name, Lives(epochs(ORDER)[15:], left))[0] == "wrong"


def test_a_pickle_that_is_loaded_is_seen(tmp_path: Path) -> None:
    code = module("truths").Code(tmp_path / "ran")
    pickle.loads(pickle.dumps(code))
    assert (tmp_path / "ran").is_dir()


# --- The page -------------------------------------------------------------------------------------


def test_the_page_says_right_wrong_and_why_not() -> None:
    page, truths, measure = module("page"), module("truths"), module("measure")
    kinds = ["right", "wrong", "refuses", "not offered", "failed"]
    cells = {
        name: truths.Answer(kind, f"<{kind}>") for name, kind in zip(names(), kinds, strict=False)
    }
    made = [measure.Column("one", "1.0", "", cells), measure.Column("gone", "", "", {}, "no such")]
    table, notes = page.table(made), page.notes(made)
    for shown in ("right: <right>", "**wrong**: <wrong>", "| refuses |", "| n/a |", "**failed**"):
        assert shown in table
    assert "refuses with `<refuses>`" in notes
    assert "n/a, <not offered>" in notes
    assert "gone could not be run: `no such`" in page.missing(made)
    assert page.failures(made) == 2


def test_the_page_in_the_documents_has_every_question_and_library() -> None:
    text = (ROOT / "docs" / "resume-traps.md").read_text(encoding="utf-8")
    for trap in module("truths").TRAPS:
        assert f"| {trap.title} |" in text
        assert f"- *{trap.title}*: {trap.asks}." in text
    for library in ("Lightning, best", "Accelerate, best", "HF Trainer, best", "fivestep"):
        assert f"| {library} |" in text
    assert "**failed**" not in text
