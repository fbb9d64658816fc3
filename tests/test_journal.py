"""The file of a run: strict JSON lines, appended as it goes, never a wrong value read back."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from fivestep import Run, fit
from fivestep.journal import FORMAT, Journal, read_lines

X = torch.linspace(-1, 1, 12).unsqueeze(1)
Y = 2 * X + 1


def train_line(**options: Any) -> Run:
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    settled: dict[str, Any] = {"epochs": 3, "batch_size": 4, "progress": False}
    return fit(model, nn.MSELoss(), optimizer, (X, Y), **(settled | options))


def strict(line: str) -> Any:
    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} is not JSON: {line}")

    return json.loads(line, parse_constant=refuse)


def same(one: Any, other: Any) -> bool:
    """Tell whether two plain values are equal, NaN being equal to NaN and 1 unlike 1.0."""
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    if isinstance(one, dict) and isinstance(other, dict):
        left: dict[str, Any] = one
        right: dict[str, Any] = other
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(one, list) and isinstance(other, list):
        rows: tuple[list[Any], list[Any]] = (one, other)
        return len(rows[0]) == len(rows[1]) and all(map(same, *rows))
    return type(one) is type(other) and one == other


def assert_same_run(loaded: Run, run: Run) -> None:
    for name in ("history", "reason", "message", "best", "seconds", "seed", "setup", "path"):
        assert same(getattr(loaded, name), getattr(run, name)), name
    assert loaded.best_weights is None


# Every way that a run ends, with a file that tells the same.


def gap(prediction: torch.Tensor, targets: torch.Tensor) -> float:
    return float((prediction - targets).abs().max())


def constant(value: float) -> Callable[[Any, Any], float]:
    def metric(prediction: Any, targets: Any) -> float:
        return value

    return metric


def explode(prediction: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    loss = ((prediction - targets) ** 2).mean()
    return loss * math.inf if float(targets[0]) > 2 else loss


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"validate": (X, Y), "metrics": gap},
        {"validate": (X, Y), "log_every": 2, "validate_every": 4, "monitor": "validation_loss"},
        {"validate": (X, Y), "metrics": {"none": constant(math.nan)}},
        {
            "validate": (X, Y),
            "metrics": {"up": constant(math.inf), "down": constant(-math.inf)},
        },
        {"validate": (X, Y), "patience": 1, "min_delta": 10.0},
        {"seed": None, "shuffle": False},
    ],
    ids=["plain", "metric", "updates", "nan", "inf", "patience", "no-seed"],
)
def test_a_run_read_back_equals_the_run(tmp_path: Path, options: dict[str, Any]) -> None:
    run = train_line(record=tmp_path / "run.jsonl", **options)
    assert run.path is not None
    for line in run.path.read_text().splitlines():
        strict(line)
    assert_same_run(Run.load(run.path), run)


def test_a_loss_of_nan_is_written_and_read_as_nan(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    bad = fit(
        model,
        explode,
        optimizer,
        (X, Y * 2),
        epochs=2,
        batch_size=4,
        shuffle=False,
        progress=False,
        record=tmp_path / "bad.jsonl",
    )
    assert bad.reason == "nonfinite"
    assert not math.isfinite(bad.history[-1]["loss"])
    lines = [strict(line) for line in (tmp_path / "bad.jsonl").read_text().splitlines()]
    assert lines[-2]["loss"] in ("NaN", "Infinity")
    assert_same_run(Run.load(tmp_path / "bad.jsonl"), bad)


# The names of the three numbers that JSON lacks stand for those numbers, and for nothing else.
words = st.text().filter(lambda text: text not in ("NaN", "Infinity", "-Infinity"))
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(record=st.dictionaries(st.text().filter(lambda key: key != "kind"), plain, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_whatever_is_written_is_strict_json_and_read_back_equal(
    tmp_path: Path, record: dict[str, Any]
) -> None:
    path = tmp_path / f"{os.urandom(8).hex()}.jsonl"
    journal = Journal(path)
    journal.write("record", record)
    journal.close()
    (line,) = path.read_text(encoding="utf-8").splitlines(keepends=False) or [""]
    strict(line)
    (back,) = read_lines(path)
    assert journal.failure is None
    assert same(back, {"kind": "record"} | record)


# While it is written.


def test_the_file_grows_by_whole_lines_and_never_changes_what_it_holds(tmp_path: Path) -> None:
    path, seen = tmp_path / "run.jsonl", [b""]

    def look(prediction: torch.Tensor, targets: torch.Tensor) -> float:
        seen.append(path.read_bytes())
        Run.load(path)  # readable at any time
        return 0.0

    train_line(record=path, epochs=5, validate=(X, Y), metrics={"look": look})
    seen.append(path.read_bytes())
    for before, after in pairwise(seen):
        assert after.startswith(before)
        assert after == b"" or after.endswith(b"\n")
    assert [chunk.count(b"\n") for chunk in seen] == [0, 1, 2, 3, 4, 5, 7]


def test_a_record_cut_at_any_byte_gives_its_whole_lines_or_a_clear_error(tmp_path: Path) -> None:
    run = train_line(record=tmp_path / "run.jsonl", epochs=2, validate=(X, Y))
    assert run.path is not None
    whole, cut = run.path.read_bytes(), tmp_path / "cut.jsonl"
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        lines = whole[:length].count(b"\n")
        complete = length + 1 < len(whole) and whole[length : length + 1] == b"\n"
        if lines + complete == 0:
            with pytest.raises(ValueError, match="is no record of a run"):
                Run.load(cut)
            continue
        loaded = Run.load(cut)
        kept = lines - 1 + complete  # a line that lacks nothing but its end is whole
        assert same(loaded.history, run.history[:kept]), length
        assert same(loaded.setup, run.setup)
        if length < len(whole) - 1:
            assert loaded.reason == "unfinished"
            assert loaded.best is None
            assert "no end" in loaded.message


def test_a_killed_process_leaves_what_it_had_recorded(tmp_path: Path) -> None:
    script = f"""
import os, torch
from torch import nn
from fivestep import fit
def die(prediction, targets):
    if len(open({str(tmp_path / "run.jsonl")!r}).readlines()) == 3:
        os.kill(os.getpid(), 9)
    return 0.0
model = nn.Linear(1, 1)
x = torch.ones(8, 1)
fit(model, nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=0.1), (x, x), epochs=9,
    validate=(x, x), metrics={{"die": die}}, record={str(tmp_path / "run.jsonl")!r}, progress=False)
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert done.returncode == -9, done.stderr.decode()
    run = Run.load(tmp_path / "run.jsonl")
    assert run.reason == "unfinished"
    assert [record["epoch"] for record in run.history] == [1, 2]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_broken_line_in_the_middle_is_named(tmp_path: Path, number: int) -> None:
    path = tmp_path / "run.jsonl"
    train_line(record=path)
    lines = path.read_text().splitlines()
    lines[number - 1] = lines[number - 1][:-7]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(
        ValueError, match=rf"run.jsonl, line {number} is not JSON of a record: b'\{{"
    ):
        Run.load(path)


@pytest.mark.parametrize("text", ["[1, 2]\n", '"start"\n', "7\n", "null\n"])
def test_a_line_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.jsonl"
    train_line(record=path)
    path.write_text(path.read_text() + text)
    with pytest.raises(ValueError, match="line 6 is not JSON of a record"):
        Run.load(path)


def test_bytes_that_are_no_text_are_refused_with_the_file_named(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"\xff\xfe\x00binary\n")
    with pytest.raises(ValueError, match=r"run\.jsonl"):
        Run.load(path)


@pytest.mark.parametrize(
    "text", ["", '{"kind": "record", "loss": 1.0}\n', '{"name": "another program"}\n', "{}\n"]
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"other\.jsonl is no record of a run"):
        Run.load(path)


def test_a_header_without_its_fields_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text('{"kind": "start"}\n')
    with pytest.raises(ValueError, match=r"other\.jsonl is no record of a run"):
        Run.load(path)


def test_a_newer_format_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    train_line(record=path)
    path.write_text(path.read_text().replace(f'"format": {FORMAT}', f'"format": {FORMAT + 1}'))
    with pytest.raises(ValueError, match=rf"format {FORMAT + 1}.*reads up to {FORMAT}\n  do: pip"):
        Run.load(path)


# Where it is written.


def test_a_directory_holds_many_runs_and_gives_the_newest(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "runs"
    made = [train_line(record=folder, epochs=epochs) for epochs in (1, 2, 3)]
    for age, run in enumerate(reversed(made)):
        assert run.path is not None
        os.utime(run.path, (1e9 - age, 1e9 - age))
    assert len({run.path for run in made}) == 3
    assert_same_run(Run.load(folder), made[-1])
    assert made[0].path is not None
    os.utime(made[0].path, (2e9, 2e9))
    assert_same_run(Run.load(folder), made[0])


def test_a_directory_without_a_run_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(FileNotFoundError, match=r"no run \(\*\.jsonl\) in"):
        Run.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        Run.load(tmp_path / "absent.jsonl")


def test_every_process_has_a_file_of_its_own(tmp_path: Path) -> None:
    script = f"""
import torch
from torch import nn
from fivestep import fit
model, x = nn.Linear(1, 1), torch.ones(8, 1)
run = fit(model, nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=0.1), (x, x), epochs=20,
          record={str(tmp_path)!r}, progress=False)
print(run.path.name)
"""
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env=os.environ | {"RANK": str(rank)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    names = [process.communicate()[0].strip() for process in both]
    vitals = [name.replace(".jsonl", ".vitals.jsonl") for name in names]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names + vitals)
    for rank, name in enumerate(names):
        assert f"-rank{rank}" in name
        assert len(Run.load(tmp_path / name).history) == 20


def test_two_runs_of_one_second_in_one_process_do_not_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def frozen(_format: str) -> str:
        return "20260101-000000"

    monkeypatch.setattr("fivestep.journal.time.strftime", frozen)
    names = [train_line(record=tmp_path).path for _ in range(3)]
    pid = os.getpid()
    assert [name.name for name in names if name is not None] == [
        f"20260101-000000-{pid}{end}.jsonl" for end in ("", "-2", "-3")
    ]


def test_a_file_that_another_process_makes_meanwhile_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Between the choice of a name and its opening somebody else may take it (two machines, one
    # folder, the same process number).
    def frozen(_format: str) -> str:
        return "20260101-000000"

    monkeypatch.setattr("fivestep.journal.time.strftime", frozen)
    taken = tmp_path / f"20260101-000000-{os.getpid()}.jsonl"
    taken.write_text("theirs")

    def blind(self: Path, **_options: Any) -> bool:
        return False

    monkeypatch.setattr(Path, "exists", blind)
    run = train_line(record=tmp_path)
    assert taken.read_text() == "theirs"
    assert run.path is not None
    assert run.path != taken
    assert len(Run.load(run.path).history) == 3


def test_a_file_that_is_there_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match=r"exists already.*\n  do: name another file"):
        train_line(record=path)
    assert path.read_text() == "precious"


def test_a_name_that_is_a_file_cannot_be_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"record: .*\n  do: name"):
        train_line(record=tmp_path / "file" / "run.jsonl")


def test_no_permission_is_told_before_the_first_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(self))

    model = nn.Linear(1, 1)
    before = model.weight.detach().clone()
    monkeypatch.setattr(Path, "open", refuse)  # root may write everywhere, so it is simulated
    with pytest.raises(PermissionError, match=r"record: cannot write .*run\.jsonl: Permission"):
        fit(
            model,
            nn.MSELoss(),
            torch.optim.SGD(model.parameters(), lr=0.1),
            (X, Y),
            epochs=1,
            record=tmp_path / "run.jsonl",
            progress=False,
        )
    assert torch.equal(model.weight, before)


# A disk that fills up.


class FullDisk:
    """A file on a disk with room for so many bytes: the last write fits in half."""

    def __init__(self, file: Any, room: int) -> None:
        self.file, self.room = file, room

    def write(self, text: str) -> int:
        if len(text) > self.room:
            self.file.write(text[: self.room])
            self.file.flush()
            raise OSError(28, "No space left on device")
        self.room -= len(text)
        return self.file.write(text)

    def flush(self) -> None:
        self.file.flush()

    def close(self) -> None:
        self.file.close()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    opened = Path.open

    def fill_after(room: int) -> None:
        def limited(self: Path, mode: str = "r", **options: Any) -> Any:
            file: Any = opened(self, mode, **options)
            return FullDisk(file, room) if mode == "x" else file

        monkeypatch.setattr(Path, "open", limited)

    return fill_after


def test_a_full_disk_ends_the_record_and_not_the_training(
    tmp_path: Path, disk: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    free = train_line(record=tmp_path / "free.jsonl")
    lines = (tmp_path / "free.jsonl").read_text().splitlines(keepends=True)
    disk(len("".join(lines[:3])) + 20)
    run = train_line(record=tmp_path / "full.jsonl", progress=True)
    assert run.reason == "finished"
    assert [record["loss"] for record in run.history] == [r["loss"] for r in free.history]
    said = capsys.readouterr().err
    assert "full.jsonl is incomplete: [Errno 28] No space left on device" in said
    loaded = Run.load(tmp_path / "full.jsonl")
    assert loaded.reason == "unfinished"
    assert same(loaded.history, run.history[:2])


def test_a_real_full_disk(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(tmp_path)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small disk")
    try:
        run = train_line(record=tmp_path / "run.jsonl", epochs=60)
        assert run.reason == "finished"
        assert len(run.history) == 60
        loaded = Run.load(tmp_path / "run.jsonl")
        assert loaded.reason == "unfinished"
        assert 0 < len(loaded.history) < 60
        assert same(loaded.history, run.history[: len(loaded.history)])
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_discarded_journal_takes_the_directories_made_for_it_along(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    Journal(kept / "made" / "for it").discard()
    assert list(kept.iterdir()) == []
    first, second = Journal(kept / "runs"), Journal(kept / "runs")
    second.discard()
    assert list((kept / "runs").iterdir()) == [first.path]
    first.close()
    Journal(kept / "alone.jsonl").discard()
    assert {one.name for one in kept.iterdir()} == {"runs"}
    other = Journal(kept / "shared")
    (kept / "shared" / "notes.txt").write_text("mine")
    other.discard()
    assert [one.name for one in (kept / "shared").iterdir()] == ["notes.txt"]
