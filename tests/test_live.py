"""What a training shows of itself: bitwise the same training, bounded files, read at any time."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fivestep import Back, Run, conduct, fit
from fivestep.cli import main
from fivestep.journal import read_lines
from fivestep.live import export as exporting
from fivestep.live import film as filming
from fivestep.live import filmed, start, viewer
from fivestep.live.export import LIMIT, export
from fivestep.live.film import Film, Iterated, Writer
from fivestep.live.pace import Pace
from fivestep.live.places import beside
from fivestep.live.process import identity, lives
from fivestep.live.reading import Reading, find, runs_in
from fivestep.live.table import rows
from fivestep.page.protocol import Message
from fivestep.vitals.events import Norm, Update

GOLDEN = Path(__file__).parent / "page" / "golden"
SCRIPT = Path(__file__).parent / "page" / "scripts" / "watched.py"


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """No viewer is started; the journals that one was to be started for."""
    asked: list[Path] = []

    def note(journal: Path, *, browser: bool = False) -> str:
        asked.append(journal)
        return "fivestep: open nothing"

    monkeypatch.setattr(conduct, "start_viewer", note)
    return asked


def model(seed: int = 1) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1)
    )


def data(count: int = 96, *, seed: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 6, generator=generator)
    return x, x[:, :1] * 2 + 1


def trained(
    make: Callable[..., Any] = torch.optim.SGD, rate: float = 0.05, **options: Any
) -> tuple[Run, nn.Module]:
    one = model()
    given: dict[str, Any] = {"epochs": 3, "batch_size": 16, "progress": False} | options
    train = given.pop("train", None) or data()
    if isinstance(train, DataLoader):
        del given["batch_size"]
    run = fit(one, nn.MSELoss(), make(one.parameters(), rate), train, **given)
    return run, one


def told(run: Run, *kinds: str) -> list[Message]:
    assert run.path is not None
    return [one for one in read_lines(beside(run.path)) if not kinds or one["kind"] in kinds]


MAKES: dict[str, Callable[..., Any]] = {
    "momentum": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
    "AdamW": torch.optim.AdamW,
    "LBFGS": lambda p, lr: torch.optim.LBFGS(p, lr, max_iter=3),
}


# --- The training is the same -----------------------------------------------------------------


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize(
    "options",
    [
        {"validate": data(40, seed=4)},
        {"validate": data(40, seed=4), "restore_best": True, "log_every": 4},
        {"watch": False, "validate": data(40, seed=4), "validate_every": "2 updates"},
    ],
    ids=["validated", "restored", "unwatched"],
)
def test_a_film_changes_no_bit(
    make: str, options: dict[str, Any], tmp_path: Path, unseen: list[Path]
) -> None:
    plain, bare = trained(MAKES[make], record=tmp_path / "plain", **options)
    before = torch.random.get_rng_state()
    shown, filmed = trained(MAKES[make], record=tmp_path / "shown", page=True, **options)
    assert torch.random.get_rng_state().equal(before)
    assert unseen == [shown.path]
    for (name, one), other in zip(
        bare.state_dict().items(), filmed.state_dict().values(), strict=True
    ):
        assert one.equal(other), name
    clocked = ("seconds", "samples_per_second")
    assert [
        {key: value for key, value in one.items() if key not in clocked} for one in plain.history
    ] == [{key: value for key, value in one.items() if key not in clocked} for one in shown.history]
    assert [one.rule for one in plain.findings] == [one.rule for one in shown.findings]


def test_a_film_changes_no_bit_in_windows(tmp_path: Path, unseen: list[Path]) -> None:
    options: dict[str, Any] = {"accumulate": 2, "average": 0.9, "clip": 0.5}
    _, bare = trained(MAKES["momentum"], **options)
    run, shown = trained(MAKES["momentum"], record=tmp_path, page=True, **options)
    for one, other in zip(bare.parameters(), shown.parameters(), strict=True):
        assert one.equal(other)
    assert [one["iteration"] for one in told(run, "layers")] == list(range(2, 19, 2))  # that moved


def test_a_loader_is_the_same_and_its_wait_is_seen(tmp_path: Path, unseen: list[Path]) -> None:
    class Slow(TensorDataset):
        def __getitem__(self, index: Any) -> Any:
            time.sleep(0.002)
            return super().__getitem__(index)

    def loader(kind: Any) -> DataLoader[Any]:
        torch.manual_seed(5)
        return DataLoader(kind(*data(32)), batch_size=8, shuffle=True)

    _, bare = trained(train=loader(TensorDataset))
    shown, filmed = trained(train=loader(Slow), record=tmp_path, page=True)
    for one, other in zip(bare.parameters(), filmed.parameters(), strict=True):
        assert one.equal(other)
    for point in told(shown, "iteration"):
        assert point["seconds"]["data"] >= 0.015  # eight samples, each slept for
        assert point["seconds"]["forward"] < point["seconds"]["data"]


# --- What it holds ----------------------------------------------------------------------------


def test_a_film_says_what_happened(tmp_path: Path, unseen: list[Path]) -> None:
    run, _ = trained(record=tmp_path, page=True, validate=data(40, seed=4))
    all_told = told(run)
    assert [one["seq"] for one in all_told] == list(range(1, len(all_told) + 1))
    assert {one["v"] for one in all_told} == {1}
    assert all_told[0]["kind"] == "hello"
    assert all_told[0]["mode"] == "watch"
    assert all_told[-1]["kind"] == "end"
    assert all_told[-1]["best"] == run.best
    entries = [{k: v for k, v in one.items() if k not in ("v", "seq", "kind")}
               for one in told(run, "entry")]  # fmt: skip
    assert entries == run.history
    points = told(run, "iteration")
    assert [one["iteration"] for one in points] == list(range(1, 19))
    for entry in run.history:
        epoch = [one for one in points if one["epoch"] == entry["epoch"]]
        mean = sum(one["loss"] for one in epoch) / len(epoch)
        assert mean == pytest.approx(entry["loss"], rel=1e-6)
        assert epoch[-1]["rate"] == entry["learning_rate"]
        assert epoch[-1]["gradient_norm"] == pytest.approx(entry["gradient_norm"], rel=1e-8)
    for point in points:
        assert set(point["seconds"]) == set(filming.KINDS)
        assert all(value >= 0 for value in point["seconds"].values())
    assert sum(sum(one["seconds"].values()) for one in points) < run.seconds * 1.01


def test_the_layers_are_those_of_the_plain_loop(tmp_path: Path, unseen: list[Path]) -> None:
    def made() -> nn.Module:
        torch.manual_seed(2)
        return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 1))

    one, (x, y) = made(), data(16)
    optimizer = torch.optim.SGD(one.parameters(), 0.05)
    expected: list[list[Any]] = []
    for _ in range(4):
        before = [p.detach().clone() for p in one.parameters()]
        optimizer.zero_grad()
        nn.functional.mse_loss(one(x), y).backward()
        optimizer.step()
        changes = zip(one.named_parameters(), before, strict=True)
        ratios = [
            (name, float((p.detach() - was).norm() / was.norm())) for (name, p), was in changes
        ]
        expected.append([[name, math.log10(ratio)] for name, ratio in ratios])
    two = made()
    rate = torch.optim.SGD(two.parameters(), 0.05)
    options: dict[str, Any] = {"epochs": 4, "batch_size": 16, "shuffle": False, "progress": False}
    run = fit(two, nn.MSELoss(), rate, (x, y), record=tmp_path, page=True, **options)
    columns = told(run, "layers")
    assert [column["iteration"] for column in columns] == [1, 2, 3, 4]
    for column, wanted in zip(columns, expected, strict=True):
        assert [name for name, _ in column["layers"]] == [name for name, _ in wanted]
        found = [value for _, value in column["layers"]]
        assert found == pytest.approx([value for _, value in wanted], abs=6e-4)


def test_a_finding_comes_while_it_still_trains(tmp_path: Path, unseen: list[Path]) -> None:
    one, (x, y) = model(), data(16)
    optimizer = torch.optim.SGD(one.parameters(), 1e-4)
    optimizer.zero_grad = lambda set_to_none=True: None  # type: ignore[method-assign]
    run = fit(one, nn.MSELoss(), optimizer, (x, y), epochs=60, batch_size=16, progress=False,
              record=tmp_path, page=True)  # fmt: skip
    wrong = [one.rule for one in run.findings if one.severity.value == "wrong"]
    assert wrong
    messages = told(run)
    first = next(i for i, one in enumerate(messages) if one["kind"] == "finding")
    assert any(one["kind"] == "iteration" for one in messages[first:])
    kept = {tuple(one) for one in messages[-1]["findings"]}
    assert {one[0] for one in kept} == {one.rule for one in run.findings}
    seen = [(one["rule"], one["file"], one["line"]) for one in messages if one["kind"] == "finding"]
    assert len(seen) == len(set(seen))
    assert all("/" not in file for _, file, _ in seen)


def test_no_number_that_is_none_is_lost(tmp_path: Path, unseen: list[Path]) -> None:
    x, y = data(16)
    run, _ = trained(train=(x, y), rate=1e30, record=tmp_path, page=True)
    assert run.reason == "nonfinite"
    last = told(run, "iteration")[-1]
    assert not math.isfinite(last["loss"])  # read_lines makes numbers of the words
    assert last["iteration"] == run.history[-1]["iteration"]


def test_a_training_that_goes_back_begins_its_film_anew(tmp_path: Path, unseen: list[Path]) -> None:
    calls: list[int] = []

    def bad_once(module: Any, given: Any, loss: Any) -> Any:
        calls.append(1)
        return loss * math.nan if len(calls) == 10 else None

    one, loss = model(), nn.MSELoss()
    loss.register_forward_hook(bad_once)
    run = fit(
        one, loss, torch.optim.SGD(one.parameters(), 0.05), data(), epochs=3, batch_size=16,
        progress=False, record=tmp_path, page=True, checkpoint=tmp_path / "saved",
        nonfinite=Back(every="1 epoch"),
    )  # fmt: skip
    assert run.returns[0]["iteration"] == 6
    messages = told(run)
    assert [one["kind"] for one in messages].count("hello") == 1
    shown = [one["iteration"] for one in messages if one["kind"] == "iteration"]
    assert shown == list(range(7, 19))  # those before are in the entries
    entries = [one["when"] for one in messages if one["kind"] == "entry"]
    assert entries == [one["when"] for one in run.history] == ["epoch", "back", "epoch", "epoch"]
    assert repr(Run.load(tmp_path).history) == repr(run.history)


# --- Bounded ----------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [16, 128, 2048])
def test_their_number_grows_with_the_logarithm(whole: int) -> None:
    pace = Pace(whole)
    due = [count for count in range(1, 300_001) if pace.due(count, count * 1e-5)]
    assert due[:whole] == list(range(1, whole + 1))
    assert len(due) <= whole * (1 + math.log(300_000 / whole)) + 1
    steps = [b - a for a, b in pairwise(due)]
    assert all(step <= count / whole + 1 for step, count in zip(steps, due[1:], strict=True))


def test_a_slow_training_is_shown_as_it_goes() -> None:
    pace = Pace(4)
    assert [pace.due(count, 10.0 * count) for count in range(1, 5)] == [True] * 4
    due = [second for second in range(41, 100_000) if pace.due(4, float(second))]
    assert due[:2] == [54, 72]  # a quarter of the time more, each
    assert len(due) <= 4 * math.log(100_000 / 40) + 1


def test_a_long_film_is_small_and_keeps_what_stands_out() -> None:
    lines: list[bytes] = []
    writer = Writer(lines.append)
    norms = tuple(Norm(i, 1.0, 1.0, 1e-3) for i in range(200))
    update = Update(0, None, 0, False, False, "some", False, 1, 1, None, None, norms=norms)
    parts = (1e-4,) * 6
    for i in range(1, 120_001):
        loss = 77.0 if i == 90_001 else float("nan") if i == 60_001 else 1 / i
        measured = update if i < 33 or i % 128 < 2 else None
        told = Iterated(i, 1, loss, 1.0, 0.1, 16, i * 1e-3, 1e-3, parts, measured)
        writer.take("iteration", told)
    writer.flush()
    messages = [json.loads(line) for line in lines]
    assert sum(map(len, lines)) < 8_000_000
    points = [one for one in messages if one["kind"] == "iteration"]
    assert sum(one.get("count", 1) for one in points) == 120_000
    spike = [one for one in points if one.get("high") == 77.0]
    assert len(spike) == 1
    assert spike[0]["iteration"] - spike[0]["count"] < 90_001 <= spike[0]["iteration"]
    lost = [one for one in points if one.get("broken") or one["loss"] == "NaN"]
    assert [one["iteration"] for one in lost] == [60_001]
    columns = [one for one in messages if one["kind"] == "layers"]
    assert all(len(one["layers"]) == 64 for one in columns)
    assert len(columns) < 128 * (1 + math.log(120_000 / 128))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_norm_that_is_no_number_is_not_lost_among_others(place: int) -> None:
    lines: list[bytes] = []
    writer = Writer(lines.append)
    writer._points.due = lambda *_: False  # type: ignore[method-assign]
    for i in range(3):
        norm = math.nan if i == place else 1.0 + i
        writer.take("iteration", Iterated(i, 1, 0.5, norm, 0.1, 16, i, 1e-3, (1e-4,) * 6, None))
    writer.flush()
    assert json.loads(lines[0])["gradient_norm"] == "NaN"


def test_a_full_disk_ends_the_film_and_not_the_training(
    tmp_path: Path, unseen: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(filming.os, "write", full)
    run, shown = trained(record=tmp_path, page=True)
    _, bare = trained()
    assert run.reason == "finished"
    for one, other in zip(bare.parameters(), shown.parameters(), strict=True):
        assert one.equal(other)


def test_a_fault_of_the_film_ends_the_film_alone(
    tmp_path: Path, unseen: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(Writer, "_point", broken)
    run, _ = trained(record=tmp_path, page=True)
    assert run.reason == "finished"


# --- Asked for wrongly ------------------------------------------------------------------------


def test_without_the_extra_it_says_so_before_the_first_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "find_spec", lambda name: None)  # pyright: ignore
    one = model()
    before = [p.detach().clone() for p in one.parameters()]
    with pytest.raises(ImportError, match=re.escape("pip install 'fivestep[page]'")):
        fit(one, nn.MSELoss(), torch.optim.SGD(one.parameters(), 0.1), data(), epochs=1,
            record=tmp_path / "runs", page=True)  # fmt: skip
    assert all(a.equal(b) for a, b in zip(before, one.parameters(), strict=True))
    assert not (tmp_path / "runs").exists()


def test_another_word_is_refused() -> None:
    with pytest.raises(ValueError, match="'open' was expected"):
        trained(page="yes")


def test_where_it_is_recorded(
    tmp_path: Path, unseen: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run, _ = trained(page=True)
    assert run.path is not None
    assert run.path.parent.name == "runs"
    assert Run.load("runs").history == run.history  # the newest is the journal, not the film
    assert runs_in(Path("runs")) == [Path("runs") / run.path.name]
    trained(page=True, record="dry", dry_run=True)
    assert not list(Path("dry").glob("*")) if Path("dry").exists() else True
    monkeypatch.setenv("RANK", "1")
    trained(page=True, record="ranked")
    assert not list(Path("ranked").glob("*.page.jsonl"))
    assert len(unseen) == 1


# --- Read back --------------------------------------------------------------------------------


def test_a_process_is_known_by_more_than_its_number() -> None:
    mine = identity()
    assert lives(mine) is True
    assert lives(mine | {"started": "1"}) is False  # another one has the number now
    assert lives(mine | {"machine": "elsewhere"}) is None
    gone = subprocess.Popen([sys.executable, "-c", ""])
    was = mine | {"pid": gone.pid}
    gone.wait()
    assert lives(was) is False


def test_a_killed_training_is_shown_as_stopped(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(tmp_path), "--no-viewer"], stderr=subprocess.PIPE
    )
    try:
        journal = awaited(lambda: next(iter(runs_in(tmp_path)), None))
        reading = Reading(journal)
        awaited(lambda: (reading.news(), reading.iteration > 20)[1])
        assert reading.silence() is None
        assert not reading.over
        process.send_signal(signal.SIGKILL)
        process.wait()
        reading.news()
        silence = reading.silence()
        assert silence is not None
        assert silence["dead"] is True
        assert silence["iteration"] == reading.iteration > 20
        assert reading.silence() is None  # said once
        assert reading.over
        (row,), problems = rows([journal])
        assert problems == []
        assert row.state == "stopped without a word"
    finally:
        process.kill()
        process.communicate()


def awaited(look: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found


def test_a_film_of_another_machine_is_silent_and_not_dead(
    tmp_path: Path, unseen: list[Path]
) -> None:
    run, _ = trained(record=tmp_path, page=True)
    assert run.path is not None
    film = beside(run.path)
    lines = film.read_text().splitlines(keepends=True)
    film.write_text(lines[0].replace('"machine":"', '"machine":"elsewhere ') + "".join(lines[1:-1]))
    reading = Reading(run.path)
    reading.news()
    assert reading.silence() is None
    os.utime(film, (time.time() - 500, time.time() - 500))
    silence = reading.silence()
    assert silence is not None
    assert silence["dead"] is False
    assert silence["seconds"] >= 500
    assert not reading.over
    os.utime(film)
    back = reading.silence()
    assert back is not None
    assert back["over"] is True


@pytest.mark.parametrize("watched", [True, False])
def test_a_run_without_a_film_tells_what_it_has(tmp_path: Path, watched: bool) -> None:
    run, _ = trained(record=tmp_path, validate=data(40, seed=4), watch=watched)
    assert run.path is not None
    lines = run.path.read_bytes().splitlines(keepends=True)
    growing = tmp_path / "growing.jsonl"
    growing.write_bytes(b"".join(lines[:2]) + lines[2][:40])
    reading = Reading(growing)
    assert [one["kind"] for one in reading.news()] == ["hello", "entry"]
    with growing.open("ab") as file:
        file.write(lines[2][40:])
    (entry,) = reading.news()
    assert entry["validation_loss"] == run.history[1]["validation_loss"]
    kinds = [one["kind"] for one in Reading(run.path).news()]
    assert kinds[0] == "hello"
    assert kinds[-1] == "end"
    assert kinds.count("entry") == 3
    assert kinds.count("iteration") == (18 if watched else 0)
    assert kinds.count("layers") == (18 if watched else 0)


def test_a_training_that_fails_at_once_takes_its_record_back(
    tmp_path: Path, unseen: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[viewer.Viewer] = []

    def look(journal: Path, *, browser: bool = False) -> str:
        served.append(viewer.Viewer([journal]))
        awaited(lambda: (served[0].turn(), served[0].heard)[1])
        return ""

    monkeypatch.setattr(conduct, "start_viewer", look)
    x, _ = data()
    with pytest.raises(Exception, match="shape"):
        trained(train=(x, torch.randn(96, 3)), record=tmp_path, page=True)
    assert list(tmp_path.iterdir()) == []
    served[0].turn()
    served[0].turn()
    assert served[0].over
    told = [json.loads(one.content) for one in served[0].ring.read(0, 100)]
    assert [one["kind"] for one in told] == ["hello", "end"]
    assert "taken back" in told[-1]["message"]


def test_a_film_in_the_way_is_told_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run.page.jsonl").write_text("mine")
    with pytest.raises(FileExistsError, match=r"cannot write .*run.page.jsonl"):
        trained(record=tmp_path / "run.jsonl", page=True)
    assert (tmp_path / "run.page.jsonl").read_text() == "mine"
    assert not (tmp_path / "run.jsonl").exists()


def test_a_fault_in_the_reading_of_layers_costs_the_layers_alone(
    tmp_path: Path, unseen: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise AttributeError("ours")

    monkeypatch.setattr(filmed._Doctor, "_measured", broken)
    run, _ = trained(record=tmp_path, page=True)
    assert run.reason == "finished"
    assert told(run, "layers") == []
    assert len(told(run, "iteration")) == 18
    assert run.report is not None


def test_what_is_no_run_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"a": 1}\n')
    cases = [["watch", str(tmp_path / "none")], ["watch", str(bad)], ["runs", str(tmp_path)],
             ["export", str(bad), "-o", str(tmp_path / "o.html")],
             ["watch", str(GOLDEN / "line.jsonl")]]  # fmt: skip
    for case in cases:
        assert main(case) == 2, case
        said = capsys.readouterr().err
        assert said.startswith("fivestep: "), said
    (tmp_path / "empty").mkdir()
    assert main(["runs", str(tmp_path / "empty")]) == 2
    assert "there is no run" in capsys.readouterr().err
    assert main(["watch", "--host", "0.0.0.0", str(bad)]) == 2
    assert "--public" in capsys.readouterr().err


def test_the_runs_of_a_directory(
    tmp_path: Path, unseen: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for number, rate in enumerate((0.01, 0.05, 0.1)):
        options: dict[str, Any] = {"validate": data(40, seed=4), "page": number == 1}
        trained(rate=rate, record=tmp_path / f"run{number}.jsonl", **options)
    assert main(["runs", str(tmp_path), "--json"]) == 0
    found = {one["run"]: one for one in json.loads(capsys.readouterr().out)["runs"]}
    assert set(found) == {"run0", "run1", "run2"}
    for number, rate in enumerate((0.01, 0.05, 0.1)):
        one, run = found[f"run{number}"], Run.load(tmp_path / f"run{number}.jsonl")
        assert run.best is not None
        assert one["differs"] == {"optimizer_options.0.lr": rate}
        assert one["monitored"] == "validation_loss"
        assert one["last"] == run.history[-1]["validation_loss"]
        assert one["best"] == run.best["validation_loss"]
        assert one["best_iteration"] == run.best["iteration"]
        assert (one["state"], one["iterations"]) == ("finished", 18)
    assert main(["runs", str(tmp_path)]) == 0
    table = capsys.readouterr().out
    for part in ("run0", "run2", "finished", "0.05", "last and best: validation_loss"):
        assert part in table


def test_find_takes_what_a_person_would_name(tmp_path: Path, unseen: list[Path]) -> None:
    run, _ = trained(record=tmp_path, page=True)
    assert run.path is not None
    assert find(tmp_path) == find(run.path) == find(beside(run.path)) == run.path


# --- One file ---------------------------------------------------------------------------------


def page_of(made: bytes) -> tuple[list[Message], str]:
    text = made.decode()
    record = text.partition('id="record">')[2].partition("</script>")[0]
    return [json.loads(line) for line in record.splitlines() if line], text


def test_an_export_holds_the_record_and_lets_nothing_in(
    tmp_path: Path, unseen: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    nasty = tmp_path / "</script><script>alert(1)<!--.jsonl".replace("/", "\\")
    run, _ = trained(record=nasty, page=True, validate=data(40, seed=4))
    made = export([nasty])
    messages, text = page_of(made)
    assert len(made) < LIMIT
    assert "alert(1)<" not in text
    assert [one for one in messages if one["kind"] == "entry"][-1]["validation_loss"] == (
        run.history[-1]["validation_loss"]
    )
    assert "process" not in messages[0]
    script = text.partition('<script type="module">')[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'; img-src data:" in text
    assert "default-src 'none'" in text
    assert "unsafe-inline" not in text
    target = tmp_path / "run.html"
    assert main(["export", str(nasty), "-o", str(target)]) == 0
    assert target.read_bytes() == made
    assert main(["export", str(nasty), "-o", str(target)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_an_export_of_a_hundred_thousand_iterations_is_small(tmp_path: Path) -> None:
    journal = long_run(tmp_path, 100_000)
    made = export([journal, long_run(tmp_path / "other", 100_000)])
    assert 200_000 < len(made) < LIMIT
    messages, _ = page_of(made)
    points = [one for one in messages if one["kind"] == "iteration" and one["of"] == 0]
    assert sum(one.get("count", 1) for one in points) == 100_000
    assert max(one.get("high", one["loss"]) for one in points) == 77.0
    assert min(one.get("low", one["loss"]) for one in points) == pytest.approx(1e-5)
    places = [one["iteration"] for one in points]
    assert places == sorted(places)
    assert len(places) > 1000


def long_run(folder: Path, count: int, *, layers: int = 64) -> Path:
    """A film as a long training would have left it."""
    folder.mkdir(exist_ok=True)
    journal = folder / "long.jsonl"
    film = Film(beside(journal))
    film.close()
    lines: list[bytes] = []
    writer = Writer(lines.append)
    norms = tuple(Norm(i, 1.0, 1.0, 10 ** (-3 + i / 40)) for i in range(layers))
    update = Update(0, None, 0, False, False, "some", False, 1, 1, None, None, norms=norms)
    setup = {"options": {"length": f"{count} iterations"}, "batches": 100}
    writer.take("hello", filming.hello("long", setup, 0))
    for i in range(1, count + 1):
        loss = 77.0 if i == count // 2 else 1 / i
        measured = update if i < 33 or i % 128 < 2 else None
        told = Iterated(i, 1 + i // 100, loss, 1.0, 0.1, 16, i * 1e-3, 1e-3, (1e-4,) * 6, measured)
        writer.take("iteration", told)
    writer.take("end", {"reason": "finished", "message": "done", "best": None, "seconds": 1.0})
    beside(journal).write_bytes(b"".join(lines))
    return journal


def test_a_record_of_step_is_exported_too(tmp_path: Path) -> None:
    golden = GOLDEN / "line.jsonl"
    target = tmp_path / "step.html"
    assert main(["export", str(golden), "-o", str(target)]) == 0
    messages, text = page_of(target.read_bytes())
    assert 'data-fivestep-host="replay"' in text
    assert [one["kind"] for one in messages] == [
        json.loads(line)["kind"] for line in golden.read_text().splitlines()
    ]
    assert main(["export", str(golden), str(golden), "-o", str(tmp_path / "no.html")]) == 2


def test_what_can_be_thinned_no_more_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "LIMIT", 10_000)
    with pytest.raises(ValueError, match="too large"):
        export([long_run(tmp_path, 50)])


# --- The viewer -------------------------------------------------------------------------------


def test_runs_are_told_apart_and_in_order(tmp_path: Path, unseen: list[Path]) -> None:
    paths = [tmp_path / f"{name}.jsonl" for name in "ab"]
    for path in paths:
        trained(record=path, page=True)
    served = viewer.Viewer(paths)
    served.turn()
    entries = served.ring.read(0, 1 << 20)
    messages = [json.loads(one.content) for one in entries]
    assert [one["seq"] for one in messages] == list(range(1, len(messages) + 1))
    assert {one["of"] for one in messages} == {0, 1}
    assert {one["runs"] for one in messages if one["kind"] == "hello"} == {2}
    assert served.over
    count = len(messages)
    served.turn()
    assert served.ring.last == count  # nothing new, nothing told


def test_watching_needs_no_torch(tmp_path: Path) -> None:
    program = "import sys, fivestep.live.viewer, fivestep.live.table; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout.strip() == b"False"


# --- Runs that begin while somebody watches -----------------------------------------------------


def heard(served: viewer.Viewer) -> list[Message]:
    return [json.loads(one.content) for one in served.ring.read(0, 1 << 20)]


def written(folder: Path, name: str, *iterations: int) -> Path:
    """A run without a film, as ``fit(record=...)`` writes it."""
    path = folder / f"{name}.jsonl"
    start = {"kind": "start", "format": 1, "seed": 0, "setup": {"options": {}}}
    lines = [start, *({"kind": "record", "when": "epoch", "iteration": i} for i in iterations)]
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    return path


def test_a_later_run_of_the_directory_is_told(tmp_path: Path) -> None:
    first = written(tmp_path, "first", 1)
    served = viewer.Viewer([first], tmp_path)
    served.turn()
    (tmp_path / "notes.jsonl").write_text('{"kind": "of something else"}\n', encoding="utf-8")
    written(tmp_path, "second", 4, 5)
    served.look(tmp_path)
    served.turn()
    hellos = [one for one in heard(served) if one["kind"] == "hello"]
    assert [(one["run"], one["later"], one["runs"]) for one in hellos] == [
        ("first", False, 1), ("second", True, 1),
    ]  # fmt: skip
    place = hellos[1]["of"]
    entries = [one for one in heard(served) if one["of"] == place and one["kind"] == "entry"]
    assert [one["iteration"] for one in entries] == [4, 5]
    assert page_of(served.save([]))[0][0]["run"] == "first"
    assert page_of(served.save([place]))[0][0]["run"] == "second"
    with pytest.raises(ValueError, match="no such run"):
        served.save([7])


def test_a_run_that_is_begun_just_now_is_read_from_its_film(tmp_path: Path) -> None:
    served = viewer.Viewer([], tmp_path)
    (tmp_path / "notes.jsonl").write_text('{"kind": "of something else"}\n', encoding="utf-8")
    assert heard(served)[0]["kind"] == "waiting"
    assert heard(served)[0]["folder"] == tmp_path.name
    other = tmp_path / "b.jsonl"
    other.touch()
    served.look(tmp_path)
    served.turn()  # it is there, and nothing in it
    film = Film(beside(other))
    film.say("hello", filming.hello("b", {"options": {}}, 0))
    film.iterated(1, 1, 0.5, 1.0, 0.1, 4)
    film.close()
    written(tmp_path, "b")
    served.turn()
    told = heard(served)
    assert [one["kind"] for one in told[1:]] == ["hello", "iteration"]
    assert not told[1]["later"]  # it is what was waited for
    assert page_of(served.save([]))[0][0]["run"] == "b"


def test_many_later_runs_make_room_for_the_next(tmp_path: Path) -> None:
    served = viewer.Viewer([written(tmp_path, "first")], tmp_path)
    for number in range(2 * viewer.RUNS):
        path = written(tmp_path, f"later{number:02}", 1)
        with path.open("a", encoding="utf-8") as file:
            end = {"kind": "end", "reason": "finished", "message": "", "best": None, "seconds": 1.0}
            file.write(json.dumps(end) + "\n")
        served.look(tmp_path)
        served.turn()
    names = {one["of"]: one["run"] for one in heard(served) if one["kind"] == "hello"}
    assert len(names) == viewer.RUNS
    assert names[0] == "first"
    assert f"later{2 * viewer.RUNS - 1:02}" in names.values()
