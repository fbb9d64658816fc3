"""The folder of a training: where it is, who holds it, and what is said when it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from fivestep import Checkpoint, Run, fit
from fivestep.checkpoints.disk import Disk, use
from fivestep.checkpoints.lock import Lock

DATA = torch.arange(12.0).reshape(6, 2), torch.arange(6.0).reshape(6, 1)


def train(folder: str | Path, tick: Callable[[int], None] = lambda _: None, epochs: int = 3) -> Run:
    torch.manual_seed(0)
    model, calls = nn.Linear(2, 1), [0]

    class Loss(nn.MSELoss):
        def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
            if torch.is_grad_enabled():
                tick(calls[0])
                calls[0] += 1
            return super().forward(input, target)

    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    checkpoint = Checkpoint(folder, every=1)
    return fit(
        model, Loss(), optimizer, DATA, epochs=epochs, batch_size=2, progress=False, watch=False,
        checkpoint=checkpoint,
    )  # fmt: skip


def test_a_script_may_change_its_directory_while_it_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    train("saved", lambda at: os.chdir(tmp_path / "elsewhere") if at == 3 else None)
    assert not capsys.readouterr().err
    assert not list((tmp_path / "elsewhere").iterdir())
    assert train(tmp_path / "saved").history[-1]["epoch"] == 3


@pytest.mark.parametrize("name", ["~/runs", "~/deep er/rüns"])
def test_a_tilde_is_the_home(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    train(name, epochs=1)
    assert list(Path(name.replace("~", str(tmp_path))).glob("checkpoint-*.json"))
    assert not (tmp_path / "~").exists()


SECOND = """
import sys
from pathlib import Path
from fivestep.checkpoints.lock import Lock, LockedError
try:
    Lock(Path(sys.argv[1]))
except LockedError as error:
    print(error)
    sys.exit(3)
"""


def second(folder: Path) -> subprocess.CompletedProcess[str]:
    given = [sys.executable, "-c", SECOND, str(folder)]
    return subprocess.run(given, capture_output=True, text=True, check=False)


def copied(folder: Path) -> None:
    shutil.copytree(folder, folder.parent / "backup")


def read(folder: Path) -> None:
    (folder / "lock").read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="there a file that is open cannot be copied")
@pytest.mark.parametrize("touch", [copied, read])
def test_the_folder_stays_held_whatever_else_reads_it(
    touch: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    with Lock(folder):
        touch(folder)
        refused = second(folder)
        assert refused.returncode == 3, refused.stderr
        assert f"process {os.getpid()}" in refused.stdout
    assert second(folder).returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_a_forked_process_holds_nothing_that_its_parent_lets_go(tmp_path: Path) -> None:
    held = Lock(tmp_path)
    begun, done = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.write(begun[1], b"x")
        os.read(done[0], 1)
        os._exit(0)
    os.read(begun[0], 1)
    held.release()
    alone = second(tmp_path)
    os.write(done[1], b"x")
    os.waitpid(child, 0)
    assert alone.returncode == 0, alone.stdout


class Full(Disk):
    """Has room for the first few files, and then for none."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, file: int, data: memoryview) -> int:
        self.room -= 1
        if self.room < 0:
            raise OSError(28, "No space left on device")
        return super().write(file, data)


def test_a_full_disk_is_told_even_without_progress(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = use(Full(6))
    try:
        run = train(tmp_path / "saved")
    finally:
        use(before)
    assert run.reason == "finished"
    assert "no checkpoint was written" in capsys.readouterr().err


@pytest.mark.parametrize("cut", [0.0, 0.5])
def test_a_damaged_checkpoint_is_named_even_without_progress(
    cut: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path)
    newest = max(tmp_path.glob("checkpoint-*.json"))
    newest.write_bytes(newest.read_bytes()[: int(newest.stat().st_size * cut)])
    train(tmp_path)
    assert "checkpoint passed over" in capsys.readouterr().err


def test_the_record_of_another_run_is_not_cut(tmp_path: Path) -> None:
    def recorded(name: str, folder: str, epochs: int) -> None:
        model = nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
        fit(
            model, nn.MSELoss(), optimizer, DATA, epochs=epochs, progress=False, watch=False,
            checkpoint=tmp_path / folder, record=tmp_path / name,
        )  # fmt: skip

    recorded("other.jsonl", "other", 4)
    before = (tmp_path / "other.jsonl").read_bytes()
    recorded("mine.jsonl", "mine", 1)
    with pytest.raises(FileExistsError, match=r"this training was recorded in mine\.jsonl"):
        recorded("other.jsonl", "mine", 2)
    assert (tmp_path / "other.jsonl").read_bytes() == before
    recorded("mine.jsonl", "mine", 2)
    recorded("new.jsonl", "mine", 3)
    assert len(Run.load(tmp_path / "new.jsonl").epochs) == 3


def test_what_cannot_be_saved_later_is_not_tried_at_every_batch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fivestep.checkpoints.interval.FIRST_SECONDS", 0.0)
    model = nn.Linear(2, 1)
    checkpoint = Checkpoint(tmp_path, {"model": model})
    for _ in checkpoint.epochs(20):
        for _ in checkpoint.batches(DATA, batch_size=2):
            checkpoint.values["thing"] = object()
    told = capsys.readouterr().err.count("no checkpoint was written")
    assert 2 <= told <= 5, "of 60 batches; the next try waits for five seconds, and the end tries"
