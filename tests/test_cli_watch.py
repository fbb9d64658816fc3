"""What watch, runs and export say of records that are empty, damaged or not alike."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from fivestep.cli import main
from fivestep.live.export import export
from fivestep.live.places import beside
from fivestep.live.table import differing, plain, printed, rows
from fivestep.live.viewer import Viewer
from fivestep.page.protocol import Message

LONG = "20260102-030405-123456-rank12-of-a-study"


def record(folder: Path, name: str, *, rate: float = 0.1, iterations: int = 3) -> Path:
    """A record as fit writes it."""
    path = folder / f"{name}.jsonl"
    setup = {
        "options": {"epochs": iterations, "batch_size": 16},
        "optimizer_options": [{"lr": rate, "momentum": 0.0}],
        "versions": {"fivestep": "0.1"},
    }
    lines: list[Any] = [{"kind": "start", "format": 1, "seed": 0, "setup": setup}]
    for i in range(1, iterations + 1):
        entry = {"when": "epoch", "epoch": i, "iteration": i, "loss": 1 / i}
        lines.append({"kind": "record"} | entry)
    end = {"reason": "finished", "message": "", "best": None, "seconds": 1.0}
    lines.append({"kind": "end"} | end)
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    return path


def damage(path: Path, number: int, text: str = '{"kind": "rec') -> None:
    """Break a line in the middle of a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[number - 1] = text
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def heard(viewer: Viewer) -> list[Message]:
    return [json.loads(one.content) for one in viewer.ring.read(0, 1000)]


# --- Nothing in it ----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", '{"kind": "start", "for'])
def test_an_empty_record_is_waited_for(tmp_path: Path, text: str) -> None:
    path = tmp_path / "zero.jsonl"
    path.write_text(text)
    said: list[str] = []
    served = Viewer([path], tell=said.append)
    served.turn()
    served.turn()
    assert [(one["kind"], one["folder"]) for one in heard(served)] == [("waiting", "zero.jsonl")]
    assert len(said) == 1
    assert said[0].startswith(f"{path} is empty: nothing was written to it, or not yet")
    record(tmp_path, "zero")
    served.turn()
    told = heard(served)[1:]
    assert [one["kind"] for one in told][:2] == ["hello", "entry"]
    assert (told[0]["runs"], told[0]["later"]) == (1, False)


def test_an_empty_record_among_others_is_said_alone(tmp_path: Path) -> None:
    (tmp_path / "zero.jsonl").touch()
    said: list[str] = []
    served = Viewer([tmp_path / "zero.jsonl", record(tmp_path, "good")], tell=said.append)
    served.turn()
    assert "waiting" not in [one["kind"] for one in heard(served)]
    assert [one.partition(":")[0] for one in said] == [f"{tmp_path / 'zero.jsonl'} is empty"]


@pytest.mark.parametrize("text", ["", '{"kind": "start", "for'])
def test_an_empty_run_is_listed_as_empty_and_hides_no_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    record(tmp_path, "a", rate=0.1)
    record(tmp_path, "b", rate=0.2)
    (tmp_path / "zero.jsonl").write_text(text)
    assert main(["runs", str(tmp_path), "--json"]) == 0
    found = {one["run"]: one for one in json.loads(capsys.readouterr().out)["runs"]}
    assert found["zero"]["state"] == "empty"
    assert found["a"]["differs"] == {"optimizer_options.0.lr": 0.1}
    assert found["zero"]["differs"] == {"optimizer_options.0.lr": None}
    assert main(["runs", str(tmp_path)]) == 0
    table = capsys.readouterr().out
    assert "more settings" not in table
    assert " lr" in table.splitlines()[0]


def test_a_setting_that_all_who_have_it_share_is_no_difference(tmp_path: Path) -> None:
    found, _ = rows([record(tmp_path, "a"), record(tmp_path, "b")])
    del found[1].settings["optimizer_options.0.momentum"]
    assert differing(found) == []
    found[0].settings["optimizer_options.0.lr"] = 7
    assert differing(found) == ["optimizer_options.0.lr"]


# --- The table --------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_neither_a_name_nor_a_heading_is_cut_at_any_width(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for number in range(3):
        path = record(tmp_path, f"{LONG}{number}", rate=0.1 * number, iterations=1000 + number)
        damaged = json.loads(path.read_text().splitlines()[0])
        damaged["setup"]["options"] |= {f"a_rather_long_option{i}": number for i in range(8)}
        damage(path, 1, json.dumps(damaged))
    found, _ = rows(sorted(tmp_path.glob("*.jsonl")))
    paper = io.StringIO()
    printed(found, file=paper)
    head, *body = paper.getvalue().splitlines()
    for number in range(3):
        assert body[number].split()[0] == f"{LONG}{number}"
    names = {"run", "when", "state", "iterations", "last", "best"}
    tails = {name.rpartition(".")[2] for name in differing(found)}
    assert set(head.split()) <= names | tails
    if width >= len(LONG) + 30:
        assert {"run", "state", "last"} <= set(head.split())
        assert all(len(line.rstrip()) <= width for line in (head, *body[:3]))
    rest = paper.getvalue()
    assert all(tail in rest for tail in tails), "what has no room is named"


def test_a_pipe_has_all_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    found, _ = rows([record(tmp_path, LONG, rate=0.1), record(tmp_path, LONG + "b", rate=0.2)])
    paper = io.StringIO()
    printed(found, file=paper)
    head = paper.getvalue().splitlines()[0].split()
    assert head == ["run", "when", "state", "iterations", "last", "best", "lr"]


def test_runs_takes_several_paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        record(tmp_path / name, name)
    alone = record(tmp_path, "alone")
    given = [str(tmp_path / "one"), str(tmp_path / "two"), str(alone), str(alone)]
    assert main(["runs", *given, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["runs"]
    assert [one["run"] for one in found] == ["one", "two", "alone"]
    assert main(["runs", str(alone), str(tmp_path / "none")]) == 2
    assert "none is not there" in capsys.readouterr().err


# --- A damaged line ---------------------------------------------------------------------------


@pytest.mark.parametrize("text", ['{"kind": "rec', "", "[1]", "\x00\x00", '{"no": "kind"}'])
@pytest.mark.parametrize("filmed", [False, True])
def test_a_damaged_line_is_named_and_the_rest_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, filmed: bool
) -> None:
    path = record(tmp_path, "a")
    if filmed:
        told = Viewer([path])
        told.turn()
        lines = [one.content.decode() + "\n" for one in told.ring.read(0, 1000)]
        beside(path).write_text("".join(lines), encoding="utf-8")
    broken = beside(path) if filmed else path
    damage(broken, 3, text)
    words = f"{broken}, line 3 is damaged and left out"
    said: list[str] = []
    served = Viewer([path], tell=said.append)
    served.turn()
    served.turn()
    entries = [one["iteration"] for one in heard(served) if one["kind"] == "entry"]
    assert entries == [1, 3]
    notes = [one for one in heard(served) if one["kind"] == "note"]
    assert [one["level"] for one in notes] == ["warning"]
    assert notes[0]["text"].startswith(f"{broken.name}, line 3 is damaged")
    assert [one.startswith(words) for one in said] == [True]
    page = tmp_path / "a.html"
    assert main(["export", str(path), "-o", str(page)]) == 0
    both = capsys.readouterr()
    assert words in both.err
    assert main(["runs", str(path)]) == 0
    both = capsys.readouterr()
    assert words in both.err
    assert "finished" in both.out


def test_a_damaged_first_line_is_no_record_and_a_last_one_cut_short_is_silent(
    tmp_path: Path,
) -> None:
    path = record(tmp_path, "a")
    whole = path.read_text(encoding="utf-8")
    said: list[str] = []
    path.write_text(whole[:-9], encoding="utf-8")
    Viewer([path], tell=said.append).turn()
    assert said == []
    damage(path, 1)
    with pytest.raises(ValueError, match="is no record of a run"):
        Viewer([path]).turn()


# --- What is said -----------------------------------------------------------------------------


def test_an_export_says_where_it_is_and_how_large(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, page = record(tmp_path, "a"), tmp_path / "a.html"
    assert main(["export", str(path), "-o", str(page)]) == 0
    assert capsys.readouterr().out == f"{page}: {page.stat().st_size:,} bytes\n"
    assert page.read_bytes() == export([path])


@pytest.mark.parametrize(
    "given",
    [
        ["export", "{run}", "-o", "{none}/x.html"],
        ["export", "{run}", "-o", "{folder}"],
        ["step", "--replay", "{none}.jsonl"],
        ["step", "--replay", "{folder}"],
        ["step", "--record", "{none}/x.jsonl", "{script}"],
        ["check", "{none}.jsonl"],
        ["eject", "{none}.jsonl"],
    ],
)
def test_a_file_that_cannot_be_opened_is_told_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str]
) -> None:
    script = tmp_path / "train.py"
    script.touch()
    names = {
        "run": record(tmp_path, "a"), "none": tmp_path / "nowhere", "folder": tmp_path,
        "script": script,
    }  # fmt: skip
    arguments = [one.format(**names) for one in given]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "[Errno" not in said
    assert "\n  do: " in said
    assert str(tmp_path) in said


def test_plain_has_the_settings_of_who_has_them(tmp_path: Path) -> None:
    (tmp_path / "zero.jsonl").touch()
    found, problems = rows([tmp_path / "zero.jsonl"])
    assert problems == []
    assert [(one["state"], one["differs"]) for one in plain(found)] == [("empty", {})]
