"""The files: damaged, exchanged, half-written, on a full disk, in a crash: never loaded wrong."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from fivestep.checkpoints.disk import Disk
from fivestep.checkpoints.lock import Lock, LockedError
from fivestep.checkpoints.store import DamagedError, Store


def fragments(number: int) -> dict[str, dict[str, torch.Tensor]]:
    best = {"best": torch.arange(5.0)}  # the same in all: one file
    return {"model": {"weight": torch.full((4, 3), float(number))}, "best": best}


def filled(folder: Path, *, saves: int = 2, disk: Disk | None = None) -> Store:
    store = Store(folder, disk=disk or Disk())
    for number in range(1, saves + 1):
        store.save({"state": {"number": number}}, fragments(number))
    return store


def number_in(folder: Path) -> int:
    """Read the newest checkpoint, and prove that all of it belongs together."""
    found = Store(folder).newest()
    assert found is not None
    number = found.body["state"]["number"]
    assert torch.equal(found.tensors["model"]["weight"], torch.full((4, 3), float(number)))
    assert torch.equal(found.tensors["best"]["best"], torch.arange(5.0))
    return number


def test_the_newest_are_kept_and_the_older_ones_removed(tmp_path: Path) -> None:
    filled(tmp_path, saves=9)
    assert number_in(tmp_path) == 9
    names = sorted(path.name.split("-")[0] for path in tmp_path.iterdir())
    assert names == ["checkpoint"] * 2 + ["fragment"] * 3


def damages(data: bytes) -> Iterator[bytes]:
    for length in {0, 1, len(data) // 2, len(data) - 1}:
        yield data[:length]
    for place in {0, 7, 9, len(data) // 3, len(data) // 2, len(data) - 2}:
        for bit in (1, 128):
            yield data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]
    yield data + b"\0"
    yield b"\0" * len(data)


def newest_files(folder: Path) -> list[Path]:
    manifest = max(folder.glob("checkpoint-*.json"))
    named = json.loads(manifest.read_bytes())["fragments"].values()
    return [manifest, *(folder / name for name in named)]


def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_it_used(tmp_path: Path) -> None:
    filled(tmp_path)
    manifest, model, _ = newest_files(tmp_path)
    for path in (manifest, model):
        whole = path.read_bytes()
        for damaged in damages(whole):
            path.write_bytes(damaged)
            found = Store(tmp_path).newest()
            assert found is not None
            assert found.body["state"]["number"] == 1
            assert len(found.refused) == 1
            assert found.refused[0].startswith(manifest.name)
            assert number_in(tmp_path) == 1
        path.write_bytes(whole)
    assert number_in(tmp_path) == 2


def test_a_lost_or_exchanged_file_is_named(tmp_path: Path) -> None:
    filled(tmp_path)
    manifest, model, best = newest_files(tmp_path)
    older = min(tmp_path.glob("checkpoint-*.json"))
    cases: list[Callable[[], Any]] = [
        lambda: model.unlink(),
        lambda: model.write_bytes(best.read_bytes()),
        lambda: manifest.write_bytes(older.read_bytes()),
        lambda: older.rename(tmp_path / older.name.replace("0000000001", "0000000009")),
    ]
    for number, spoil in enumerate(cases):
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        spoil()
        found = Store(tmp_path).newest()
        assert found is not None
        assert found.body["state"]["number"] == (2 if number == 3 else 1)
        assert len(found.refused) == 1
        for path in tmp_path.iterdir():
            path.unlink()
        for path, data in before.items():
            path.write_bytes(data)


def test_nothing_whole_is_an_error_and_no_new_start(tmp_path: Path) -> None:
    filled(tmp_path)
    best = newest_files(tmp_path)[2]
    best.write_bytes(best.read_bytes()[:-1])
    with pytest.raises(DamagedError, match="cut short or altered") as told:
        Store(tmp_path).newest()
    assert str(told.value).count("checkpoint-") == 2
    assert Store(tmp_path / "none", disk=Nothing()).newest() is None


class Nothing(Disk):
    def names(self, folder: Path) -> list[str]:
        return []


def test_a_damaged_checkpoint_goes_when_a_whole_one_is_written(tmp_path: Path) -> None:
    filled(tmp_path)
    manifest, model, best = newest_files(tmp_path)
    model.write_bytes(b"")
    best.write_bytes(b"")  # of the other one as well
    store = Store(tmp_path)
    with pytest.raises(DamagedError):
        store.newest()
    store.save({"state": {"number": 3}}, fragments(3))
    assert number_in(tmp_path) == 3
    assert not manifest.exists()
    assert len(list(tmp_path.iterdir())) == 3


class Failing(Disk):
    """Fails at its n-th call that writes, in one of several ways, before or after it."""

    def __init__(self, at: int, error: BaseException, *, after: bool = False) -> None:
        self.left, self.error, self.after = at, error, after
        for name in ("create", "write", "sync", "close", "rename", "remove", "sync_folder"):
            setattr(self, name, self.failing(getattr(self, name)))

    def failing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any) -> Any:
            self.left -= 1
            if self.left == -1 and not self.after:
                raise self.error
            answer = call(*arguments)
            if self.left == -1:
                raise self.error
            return answer

        return changed


class Crash(BaseException):
    """The process is gone; nothing tidies up after it."""


FULL = [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO, errno.EDQUOT]


@pytest.mark.parametrize("number", FULL, ids=errno.errorcode.get)
def test_a_disk_that_fails_at_any_call_costs_nothing_that_was_saved(
    number: int, tmp_path: Path
) -> None:
    at, failed = 0, True
    while failed:
        folder = tmp_path / f"{at}"
        folder.mkdir()
        filled(folder)
        disk = Failing(at, OSError(number, os.strerror(number)))
        try:
            Store(folder, disk=disk).save({"state": {"number": 3}}, fragments(3))
            failed = disk.left < 0
        except OSError:
            pass
        assert number_in(folder) in (2, 3)
        Store(folder).save({"state": {"number": 4}}, fragments(4))
        assert number_in(folder) == 4
        assert len(list(folder.iterdir())) == 5, "something was left lying about"
        at += 1
    assert at > 12


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_call_leaves_the_old_or_the_new(after: bool, tmp_path: Path) -> None:
    at, crashed, seen = 0, True, set[int]()
    while crashed:
        folder = tmp_path / f"{at}"
        folder.mkdir()
        filled(folder)
        disk = Failing(at, Crash(), after=after)
        try:
            Store(folder, disk=disk).save({"state": {"number": 3}}, fragments(3))
            crashed = False
        except Crash:
            pass
        seen.add(number_in(folder))
        Store(folder).save({"state": {"number": 4}}, fragments(4))
        assert number_in(folder) == 4
        assert len(list(folder.iterdir())) == 5, "something was left lying about"
        at += 1
    assert seen == {2, 3}
    assert at > 12


class Forgetful(Disk):
    """Says that it has written, and has not."""

    def write(self, file: int, data: memoryview) -> int:
        super().write(file, data[:-1])
        return len(data)


def test_what_cannot_be_read_back_never_replaces_what_can(tmp_path: Path) -> None:
    filled(tmp_path)
    for _ in range(3):
        with pytest.raises(DamagedError, match="cannot be read back"):
            Store(tmp_path, disk=Forgetful()).save({"state": {"number": 3}}, fragments(3))
        assert number_in(tmp_path) == 2


class Touches:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_crafted_file_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    """Whoever can write there can make the checksums right; code it cannot make run."""
    mark = tmp_path / "mark"
    pickled = pickle.dumps({"weight": Touches(mark)})
    zipped = tmp_path / "zipped"
    torch.save({"weight": Touches(mark)}, zipped)
    for number, data in enumerate((pickled, zipped.read_bytes(), b"", b"\xff" * 64)):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        filled(folder, saves=1)
        fragment = f"fragment-{hashlib.sha256(data).hexdigest()}.safetensors"
        (folder / fragment).write_bytes(data)
        craft(folder, {"model": fragment})
        found = Store(folder).newest()
        assert found is not None
        assert found.serial == 1
        assert "is no safetensors file" in found.refused[0]
    assert not mark.exists()


def craft(folder: Path, named: dict[str, str]) -> None:
    body = json.dumps({"format": 1, "serial": 7, "state": {}, "fragments": named}).encode()
    name = f"checkpoint-0000000007-{hashlib.sha256(body).hexdigest()}.json"
    (folder / name).write_bytes(body)


def test_a_manifest_cannot_reach_outside_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    filled(folder, saves=1)
    craft(folder, {"model": "../secret"})
    found = Store(folder).newest()
    assert found is not None
    assert "no name of a file of a checkpoint" in found.refused[0]


def test_a_newer_format_is_said(tmp_path: Path) -> None:
    body = json.dumps({"format": 99, "serial": 7, "state": {}, "fragments": {}}).encode()
    name = f"checkpoint-0000000007-{hashlib.sha256(body).hexdigest()}.json"
    (tmp_path / name).write_bytes(body)
    with pytest.raises(ValueError, match="has format 99, and this fivestep"):
        Store(tmp_path).newest()


def test_a_folder_is_held_by_one(tmp_path: Path) -> None:
    with Lock(tmp_path), pytest.raises(LockedError, match="another training of this process"):
        Lock(tmp_path)
    with Lock(tmp_path):
        pass


@pytest.mark.parametrize(
    "text",
    [
        '{"serial": 9, "format": "1", "fragments": {}, "state": {}}',
        '{"serial": 9, "format": 1, "fragments": [], "state": {}}',
        '{"serial": 9, "format": 1, "fragments": {"small": {}}, "state": {}}',
        '{"serial": 9, "format": 1, "fragments": {}}',
        '{"serial": 9, "format": 1, "fragments": {}, "state": ' + "[" * 100_000,
        "[9]",
    ],
)
def test_a_manifest_of_another_form_is_passed_over_though_its_hash_is_right(
    text: str, tmp_path: Path
) -> None:
    Store(tmp_path).save({"state": {"number": 1}}, fragments(1))
    digest = hashlib.sha256(text.encode()).hexdigest()
    (tmp_path / f"checkpoint-0000000009-{digest}.json").write_text(text)
    found = Store(tmp_path).newest()
    assert found is not None
    assert found.body["state"] == {"number": 1}
    assert len(found.refused) == 1


def test_a_newer_format_is_named_though_its_fragments_are_of_another_form(tmp_path: Path) -> None:
    text = '{"serial": 9, "format": 2, "pieces": []}'
    digest = hashlib.sha256(text.encode()).hexdigest()
    (tmp_path / f"checkpoint-0000000009-{digest}.json").write_text(text)
    with pytest.raises(ValueError, match="format 2, and this fivestep"):
        Store(tmp_path).newest()
