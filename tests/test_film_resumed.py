"""A training that is killed and goes on: its film goes on with it, no gap and nothing twice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fivestep.journal import read_lines
from fivestep.live.film import Film
from fivestep.live.reading import Reading
from fivestep.live.viewer import Viewer
from fivestep.page.protocol import Message

SCRIPT = Path(__file__).parent / "page" / "scripts" / "resumed.py"
CLOCKED = ("v", "seq", "at", "seconds", "samples_per_second", "process", "began")


def trained(folder: Path, seed: int, *killed: str) -> list[Message]:
    """The film of a training that was killed so often; each death came where it was to come."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), str(seed), *killed],
        capture_output=True, text=True, check=True, timeout=240,
    )  # fmt: skip
    codes = [line.rpartition(" ")[2] for line in done.stdout.splitlines()]
    assert (codes[0] == "-9") == bool(killed), done.stderr
    assert set(codes[1:]) <= {"-9", "0"}, done.stderr  # a later death may be too late
    assert codes[-1] == "0", done.stderr
    return list(read_lines(folder / "run.page.jsonl"))


def unclocked(messages: list[Message], *kinds: str) -> list[Message]:
    return [
        {name: value for name, value in one.items() if name not in CLOCKED}
        for one in messages if one["kind"] in kinds
    ]  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[Message]:
    return trained(tmp_path_factory.mktemp("whole"), 5)


def deaths(seed: int) -> list[str]:
    drawn = random.Random(seed)
    kinds = {"loss": 100, "write": 90, "save": 8}
    return [f"{kind}:{drawn.randint(1, kinds[kind])}" for kind in drawn.choices(list(kinds), k=3)]


@pytest.mark.parametrize(
    "killed",
    [
        ["loss:1"],
        ["loss:70"],
        ["write:60"],
        ["save:1"],
        ["save:5", "save:1"],
        *map(deaths, range(4)),
    ],
    ids=" ".join,
)
def test_a_film_goes_on_where_what_was_saved_ends(
    killed: list[str], whole: list[Message], tmp_path: Path
) -> None:
    found = trained(tmp_path, 5, *killed)
    assert [one["seq"] for one in found] == list(range(1, len(found) + 1))
    assert [one["kind"] for one in found].count("hello") == 1
    assert unclocked(found, "entry") == unclocked(whole, "entry")
    places = [(one["rule"], one["file"], one["line"]) for one in found if one["kind"] == "finding"]
    assert len(places) == len(set(places))  # a process that had nothing left to do finds none
    columns = {one["iteration"]: one["layers"] for one in found if one["kind"] == "layers"}
    assert len(columns) == [one["kind"] for one in found].count("layers")
    assert set(range(1, 33)) <= set(columns)
    for one in whole:  # each process's doctor chooses anew which iterations it measures
        if one["kind"] == "layers" and one["iteration"] in columns:
            assert columns[one["iteration"]] == one["layers"]
    assert points(found) == points(whole)
    assert found[-1]["kind"] == "end"


def points(messages: list[Message]) -> list[Any]:
    """What of the points does not depend on the clock, which may close one early."""
    told = [one for one in messages if one["kind"] == "iteration"]
    ends = [one["iteration"] for one in told]
    assert ends == sorted(set(ends))
    counts = [one.get("count", 1) for one in told]
    assert [b - a for a, b in zip([0, *ends], ends, strict=False)] == counts  # no gap, none twice
    mean = sum(one["loss"] * count for one, count in zip(told, counts, strict=True))
    lows = min(one.get("low", one["loss"]) for one in told)
    highs = max(one.get("high", one["loss"]) for one in told)
    firsts = [(one["loss"], one["rate"], one["gradient_norm"]) for one in told[:16]]
    return [ends[-1], pytest.approx(mean, rel=1e-6), lows, highs, firsts]


def test_a_run_that_goes_on_unseen_is_filmed_on(whole: list[Message], tmp_path: Path) -> None:
    found = trained(tmp_path, 5, "loss:40", "unseen")
    assert points(found) == points(whole)


# --- The cut itself ---------------------------------------------------------------------------


def told(film: Film, *iterations: int, loss: float = 1.0) -> None:
    for i in iterations:
        film.iterated(i, 1, loss / i, 1.0, 0.1, 4)


def test_what_came_after_the_place_is_gone_and_what_waited_there_is_kept(tmp_path: Path) -> None:
    film = Film(tmp_path / "a.page.jsonl")
    told(film, *range(1, 2100))  # the last 2,048th of them waits for its point
    place = film.place()
    assert place is not None
    told(film, *range(2100, 2200), loss=float("nan"))
    film.say("entry", {"iteration": 2199})
    film.place()  # all of it is written
    assert film.cut(place)
    told(film, *range(2100, 2111), loss=3.0)
    film.close()
    found = list(read_lines(film.path))
    assert [one["kind"] for one in found].count("entry") == 0
    ends = [one["iteration"] for one in found]
    counts = [one.get("count", 1) for one in found]
    assert [b - a for a, b in zip([0, *ends], ends, strict=False)] == counts
    assert ends[-1] == 2110
    assert not [one for one in found if one.get("broken") or one["loss"] != one["loss"]]
    assert [one["seq"] for one in found] == list(range(1, len(found) + 1))


def test_a_place_of_another_film_is_refused(tmp_path: Path) -> None:
    one, other = Film(tmp_path / "a.page.jsonl"), Film(tmp_path / "b.page.jsonl")
    told(one, 1, 2, 3)
    told(other, *range(1, 30), loss=2.0)
    place = one.place()
    assert place is not None
    before = other.place()
    assert not other.cut(place)
    assert not other.cut(None)
    assert other.place() == before
    one.close()
    other.close()
    assert one.place() is None  # it is over


def test_a_film_that_cannot_be_cut_is_over_and_the_training_is_not(tmp_path: Path) -> None:
    film = Film(tmp_path / "a.page.jsonl")
    told(film, 1, 2)
    place = film.place()
    film.path.unlink()
    assert not film.cut(place)
    assert film.failure is not None
    assert film.place() is None
    film.close()


def test_a_place_is_json_whatever_the_numbers(tmp_path: Path) -> None:
    film = Film(tmp_path / "a.page.jsonl")
    told(film, *range(1, 2060))
    film.iterated(2060, 1, float("inf"), float("nan"), 0.1, 4)
    film.iterated(2061, 1, 0.5, float("nan"), 0.1, 4)
    film.say("entry", {"iteration": 2061, "loss": float("nan")})
    place = json.loads(json.dumps(film.place(), allow_nan=False))
    assert film.cut(place)
    film.close()
    assert [one["iteration"] for one in read_lines(film.path) if one["kind"] == "iteration"][
        -1
    ] == 2061


def test_who_reads_along_is_told_anew_what_holds(tmp_path: Path) -> None:
    journal = tmp_path / "a.jsonl"
    film = Film(tmp_path / "a.page.jsonl")
    film.say("hello", {"run": "a", "mode": "watch"})
    told(film, *range(1, 6))
    place = film.place()
    told(film, *range(6, 9))
    film.say("end", {"reason": "terminated", "message": ""})
    film.place()
    viewer = Viewer([journal])
    viewer.turn()
    assert viewer.over
    last = viewer.ring.last
    assert film.cut(place)
    film.say("resumed", {"iteration": 5, "process": {}})
    told(film, *range(6, 30))
    film.place()
    viewer.turn()
    assert not viewer.over
    messages = [json.loads(one.content) for one in viewer.ring.read(0, 1 << 20)]
    assert messages[0]["kind"] == "hello"
    assert messages[0]["seq"] == last + 1  # what does not hold any more is told to nobody
    assert [one["iteration"] for one in messages if one["kind"] == "iteration"] == [*range(1, 30)]
    assert [one["kind"] for one in messages].count("end") == 0
    count = viewer.ring.last
    viewer.turn()
    assert viewer.ring.last == count
    film.close()


def test_who_reads_along_where_nothing_was_lost_is_told_what_is_new(tmp_path: Path) -> None:
    film = Film(tmp_path / "a.page.jsonl")
    film.say("hello", {"run": "a", "mode": "watch"})
    told(film, 1, 2)
    place = film.place()
    reading = Reading(tmp_path / "a.jsonl")
    assert len(reading.news()) == 3
    assert film.cut(place)
    told(film, 3)
    film.place()
    assert [one["iteration"] for one in reading.news()] == [3]
    assert not reading.anew
    film.close()
