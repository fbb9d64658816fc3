"""The process that is begun before it is needed: taken where nobody can tell, never left over."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from processes import alive, children
from test_page_step import BY_HAND, ENDLESS, SCRIPTS, command

from fivestep.page import spare
from fivestep.page.spare import Begun, Spare
from fivestep.page.supervise import Supervisor

SURROUNDINGS = str(SCRIPTS / "surroundings.py")
PATIENCE = 120.0  # seconds for what loads torch on a busy machine
# Calls as child.py does, and waits; loads nothing.
CALLS = """
import json, os, sys
from multiprocessing.connection import Client
address, key, modules = json.loads(os.environ["FIVESTEP_PAGE"])
address = tuple(address) if isinstance(address, list) else address
with Client(address, authkey=bytes.fromhex(key)) as connection:
    try:
        connection.recv_bytes()
    except EOFError:
        pass
"""


def until(holds: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (result := holds()):
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)
    return result


@contextmanager
def supervised(*arguments: str) -> Generator[Supervisor]:
    """A script under a supervisor that stays."""
    one = Supervisor(arguments[0], list(arguments[1:]))
    over: list[int] = []

    def watch() -> None:
        one.start()
        one.watch(lambda: len(over), lambda: True)
        one.close()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield one
    finally:
        over.append(1)
        thread.join()


def waiting(one: Supervisor) -> int | None:
    """The process that waits for the next run, when it has called."""
    begun = one.spare.waits
    return begun.process.pid if begun is not None and begun.connection() is not None else None


def told(one: Supervisor, kind: str) -> list[Any]:
    every = [json.loads(entry.content) for entry in one.ring.read(0, 10**6)]
    return [message for message in every if message["kind"] == kind]


def again(one: Supervisor, **seed: int) -> None:
    runs = len(told(one, "end"))
    one.ask({"id": "again", "verb": "reset"} | seed)
    until(lambda: len(told(one, "end")) > runs)


@pytest.mark.timeout(500)
def test_a_script_cannot_tell_that_its_process_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    notes = tmp_path / "seen.jsonl"
    with supervised(SURROUNDINGS, str(notes), "--lr", "0.5") as one:
        until(lambda: told(one, "end"))
        waits = until(lambda: waiting(one))
        again(one)
        begun_early = waits, until(lambda: waiting(one))
        again(one, value=7)  # another seed of hashes: of no use is what waits
    cold, warm, other = map(json.loads, notes.read_text(encoding="utf-8").splitlines())
    assert warm["process"] == begun_early[0]
    assert other["process"] not in begun_early
    assert warm["seen"] == cold["seen"]
    assert other["seen"]["hash"] != cold["seen"]["hash"]
    for run in (cold, other):
        del run["seen"]["hash"], run["seen"]["drawn"], run["seen"]["environment"]["PYTHONHASHSEED"]
    assert other["seen"] == cold["seen"]


@pytest.mark.timeout(500)
def test_what_was_written_since_is_what_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    script = tmp_path / "script.py"
    script.write_text("print('old')")
    with supervised(str(script)) as one:
        until(lambda: told(one, "end"))
        waits = until(lambda: waiting(one))
        (tmp_path / "helper.py").write_text("WORDS = 'new'")
        script.write_text("import os, helper\nprint(helper.WORDS, os.getpid())")
        again(one)
        assert [output["text"] for output in told(one, "output")] == ["old", f"new {waits}"]


@pytest.mark.timeout(500)
def test_what_is_asked_for_while_a_run_is_begun_anew_is_done_in_the_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    with supervised(BY_HAND, "3", "0") as one:
        until(lambda: told(one, "state"))
        until(lambda: waiting(one))
        for verb in ("reset", "play"):
            one.ask({"id": verb, "verb": verb})
        until(lambda: len(told(one, "end")) == 2)
        assert [end["reason"] for end in told(one, "end")] == ["reset", "finished"]


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    script = tmp_path / "calls.py"
    script.write_text(CALLS)
    return script


def by(calls: Path, target: Path) -> list[str]:
    return [sys.executable, str(calls), str(target)]


def test_one_waits_and_is_taken_once(calls: Path, tmp_path: Path) -> None:
    one = Spare()
    one.lay_in(by(calls, tmp_path / "a.py"), {})
    waits = one.waits
    one.lay_in(by(calls, tmp_path / "a.py"), {})
    assert one.waits is waits
    assert waits is not None
    taken = one.take(by(calls, tmp_path / "b.py"), {})  # of the same folder
    other = one.take(by(calls, tmp_path / "b.py"), {})
    try:
        assert taken is waits
        assert other is not waits
        assert taken.connection() is not None
        assert taken.process.poll() is None
    finally:
        taken.end()
        other.end()
    assert {taken.process.returncode, other.process.returncode} <= {0, -signal.SIGTERM, 1}


def elsewhere(patch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "a.py").touch()
    return by(tmp_path / "calls.py", tmp_path / "deeper" / "a.py"), {}


def in_another_folder(
    patch: pytest.MonkeyPatch, tmp_path: Path
) -> tuple[list[str], dict[str, str]]:
    patch.chdir(tmp_path.parent)
    return by(tmp_path / "calls.py", tmp_path / "a.py"), {}


def with_another_environment(
    patch: pytest.MonkeyPatch, tmp_path: Path
) -> tuple[list[str], dict[str, str]]:
    patch.setenv("OMP_NUM_THREADS", "7")
    return by(tmp_path / "calls.py", tmp_path / "a.py"), {}


def with_other_hashes(
    patch: pytest.MonkeyPatch, tmp_path: Path
) -> tuple[list[str], dict[str, str]]:
    return by(tmp_path / "calls.py", tmp_path / "a.py"), {"PYTHONHASHSEED": "7"}


def after_an_installation(
    patch: pytest.MonkeyPatch, tmp_path: Path
) -> tuple[list[str], dict[str, str]]:
    changed = spare.changed

    def later(package: str) -> int:
        return changed(package) + (package == "torch")

    patch.setattr(spare, "changed", later)
    return by(tmp_path / "calls.py", tmp_path / "a.py"), {}


Change = Callable[[pytest.MonkeyPatch, Path], tuple[list[str], dict[str, str]]]


@pytest.mark.parametrize(
    "change",
    [elsewhere, in_another_folder, with_another_environment, with_other_hashes,
     after_an_installation],
)  # fmt: skip
def test_what_would_be_begun_otherwise_now_is_not_taken(
    calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    (tmp_path / "a.py").touch()
    one = Spare()
    one.lay_in(by(calls, tmp_path / "a.py"), {})
    waits = one.waits
    taken = one.take(*change(monkeypatch, tmp_path))
    try:
        assert waits is not None
        assert taken is not waits
        assert waits.process.poll() is not None
    finally:
        taken.end()


def test_what_has_died_is_not_taken(calls: Path, tmp_path: Path) -> None:
    one = Spare()
    one.lay_in(by(calls, tmp_path / "a.py"), {})
    waits = one.waits
    assert waits is not None
    waits.process.kill()
    waits.process.wait()
    taken = one.take(by(calls, tmp_path / "a.py"), {})
    try:
        assert taken is not waits
        assert taken.connection() is not None
    finally:
        taken.end()


def test_one_that_ends_before_it_calls_has_no_connection(tmp_path: Path) -> None:
    dies = tmp_path / "dies.py"
    dies.write_text("raise SystemExit(3)")
    begun = Begun(by(dies, dies), {})
    assert begun.connection() is None
    assert begun.process.wait() == 3


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here")


def loading(process: int) -> bool:
    """Tell whether it is past Python's own start, in which nobody can take a signal."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") > 40_000_000


@needs_proc
@pytest.mark.timeout(500)
@pytest.mark.parametrize("how", ["interrupt", "kill"])
def test_no_process_is_left(tmp_path: Path, how: str) -> None:
    with command(BY_HAND, ENDLESS, "7", cwd=tmp_path) as made:
        made.until("state", paused=True)
        script, waits = until(lambda: len(both := sorted(children(made.process.pid))) == 2 and both)
        until(lambda: loading(waits))
        try:
            if how == "interrupt":  # as a terminal does: all of them at once
                os.kill(script, signal.SIGINT)
                os.kill(waits, signal.SIGINT)
                code, _, err = made.end()
                assert code == 130
                assert "child.py" not in err
                until(lambda: not alive(script))
            else:  # the script goes on, unwatched
                made.process.kill()
                made.process.wait()
            until(lambda: not alive(waits))
        finally:
            for process in filter(alive, (script, waits)):
                os.kill(process, signal.SIGKILL)
