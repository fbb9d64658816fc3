"""Real processes, really killed: SIGKILL, SIGTERM, SIGINT, a deadline."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from fivestep import Run

PROGRAM = Path(__file__).with_name("killed.py")


def begun(folder: Path, name: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(folder), name],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
        start_new_session=True,
    )  # fmt: skip


def ended(folder: Path, name: str) -> int:
    return counted(folder, name)[0]


def counted(folder: Path, name: str) -> tuple[int, int]:
    """Let it end; return its code, and how many losses were computed."""
    process = begun(folder, name)
    printed, errors = process.communicate(timeout=120)
    assert process.returncode in (0, 75), errors
    return process.returncode, printed.count("iteration")


def signalled(folder: Path, name: str, number: int, after: int) -> int:
    """Send a signal when so many losses were computed; return how the process ended."""
    process = begun(folder, name)
    assert process.stdout is not None
    for _ in range(after):
        assert process.stdout.readline() == "iteration\n"
    process.send_signal(number)
    process.communicate(timeout=120)
    return process.returncode


def outcome(folder: Path) -> Any:
    return json.loads((folder / "history.json").read_text()), torch.load(folder / "weights.pt")


def recorded(folder: Path) -> list[dict[str, Any]]:
    left_out = ("seconds", "samples_per_second")
    history = Run.load(folder / "record.jsonl").history
    return [{k: v for k, v in entry.items() if k not in left_out} for entry in history]


def same(folder: Path, whole: Path) -> None:
    (history, weights), (expected, expected_weights) = outcome(folder), outcome(whole)
    assert history == expected
    assert recorded(folder) == recorded(whole)
    for name, value in expected_weights.items():
        assert torch.equal(weights[name], value), name


@pytest.mark.parametrize("name", ["plain", "all"])
def test_killed_three_times_it_ends_the_same(name: str, tmp_path: Path) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    assert ended(whole, name) == 0
    for after in (1, 13, 11):
        assert signalled(folder, name, signal.SIGKILL, after) == -signal.SIGKILL
    assert ended(folder, name) == 0
    same(folder, whole)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 75)])
def test_a_signal_saves_and_asks_to_be_started_again(
    number: int, code: int, tmp_path: Path
) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "told"
    code_of_whole, losses = counted(whole, "default")
    assert code_of_whole == 0
    folder.mkdir()
    (folder / "slow").write_text("0.01")
    assert signalled(folder, "default", number, 9) == code
    if number == signal.SIGINT:
        assert outcome(folder)[0][0] == "interrupted"
    (folder / "slow").unlink()
    assert counted(folder, "default") < (0, losses - 6)
    same(folder, whole)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_loses_nothing(number: int, tmp_path: Path) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "group"
    assert ended(whole, "workers") == 0
    folder.mkdir()
    (folder / "slow").write_text("0.01")
    process = begun(folder, "workers")
    assert process.stdout is not None
    for _ in range(9):
        assert process.stdout.readline() == "iteration\n"
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 75, errors
    (folder / "slow").write_text("0")
    assert ended(folder, "workers") == 0
    same(folder, whole)


def test_a_deadline_asks_to_be_started_again_and_comes_to_an_end(tmp_path: Path) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "late"
    assert ended(whole, "default") == 0
    folder.mkdir()
    (folder / "slow").write_text("0.01")
    codes = [ended(folder, "deadline")]
    while codes[-1] == 75:
        codes.append(ended(folder, "deadline"))
    assert codes[0] == 75
    assert codes[-1] == 0
    same(folder, whole)


def test_the_second_process_in_a_folder_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "slow").write_text("1")
    first = begun(tmp_path, "plain")
    assert first.stdout is not None
    first.stdout.readline()
    second = begun(tmp_path, "plain")
    _, errors = second.communicate(timeout=120)
    first.kill()
    first.communicate(timeout=120)
    (tmp_path / "slow").write_text("0")
    assert second.returncode == 1
    assert f"in use by process {first.pid} on " in errors
    assert ended(tmp_path, "plain") == 0  # the lock of a dead process holds nobody up
