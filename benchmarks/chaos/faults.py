"""A disk that is full, read-only, not permitted or broken, at every call of a save and a load."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from fivestep.checkpoints.store import Store

from .disks import Failing, Watched
from .lives import ended, left, life, reference, trouble
from .outcome import differences
from .trials import Told

NAMES = (
    "line",
    "dropout",
    "float16, accumulate 4",
    "plateau",
    "averaged, validated",
    "all at once",
)
NUMBERS = (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO, errno.EDQUOT)
TMPFS_KIB, STEP_KIB, STAGES = 384, 8, 40


def trial(number: int, scratch: Path) -> Told:
    """Answer one call, or all calls from one on, with an error; then go on with a whole disk."""
    chance = random.Random(f"faults {number}")
    name = NAMES[number % len(NAMES)]
    folder = Path(tempfile.mkdtemp(dir=scratch))
    known = reference(name, scratch)
    call = chance.choice(sorted(known.calls))
    error, lasting = chance.choice(NUMBERS), chance.random() < 0.5
    disk = Failing(call, chance.randint(1, known.calls[call]), error, lasting=lasting)
    failure = chance.choice(("go on", "stop"))
    code = ended(life(name, folder, disk, failure=failure))
    counts = Counter([errno.errorcode[error], f"in {call}"])
    wrong = _first(code, name, folder, failure, scratch, counts) or _again(name, folder, scratch)
    if not wrong:
        shutil.rmtree(folder)
    return Told(counts, wrong and f"{name}, {call}, {os.strerror(error)}, {failure}: {wrong}")


def _first(
    code: int, name: str, folder: Path, failure: str, scratch: Path, counts: Counter[str]
) -> str:
    """Judge the training on the broken disk: it ends as it was asked to, and loses nothing."""
    if code == 1:  # told before the first iteration, in words
        counts["=> refused at the start"] += 1
        told = trouble(folder)
        named = any(word in told for word in ("OSError", "PermissionError", "DamagedError"))
        return "" if named else f"it ended with {told}"
    reason = left(folder)["reason"]
    counts[f"=> {reason}"] += 1
    if reason == "unsaved":
        return "" if failure == "stop" else "it stopped, and was told to go on"
    return _equal(name, folder, scratch)


def _again(name: str, folder: Path, scratch: Path) -> str:
    """Start it once more with a disk that is whole: what was saved last is good."""
    code = ended(life(name, folder, Watched()))
    if code:
        return f"it could not go on: {trouble(folder)}"
    found = Store(folder / "saved").newest()
    if found is None or found.refused:
        return "after the last save there is none, or a damaged one"
    return _equal(name, folder, scratch)


def _equal(name: str, folder: Path, scratch: Path) -> str:
    wrong = differences(left(folder)["parts"], reference(name, scratch).parts)
    return f"not equal: {'; '.join(wrong[:5])}" if wrong else ""


def tmpfs(number: int, scratch: Path) -> Told:
    """Fill a small real file system, so that it is full at one stage after the other."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    if not _mounted(folder):
        return Told(Counter(["skipped: no tmpfs may be mounted here"]))
    try:
        return _filled(number, folder, scratch)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mounted(folder: Path) -> bool:
    options = ["-t", "tmpfs", "-o", f"size={TMPFS_KIB}k"]
    command = ["mount", *options, "chaos", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _filled(number: int, folder: Path, scratch: Path) -> Told:
    place, turn = number % len(NAMES), number // len(NAMES)
    name = NAMES[place]
    free_kib = STEP_KIB * ((11 * place + 7 * turn) % STAGES + 1)  # all stages for each, in a mix
    (folder / "notes").symlink_to(tempfile.mkdtemp(dir=scratch))  # what is said needs room, too
    filler = folder / "filler"
    filler.write_bytes(bytes((TMPFS_KIB - free_kib) * 1024))
    counts: Counter[str] = Counter()
    code = ended(life(name, folder, Watched()))
    wrong = _first(code, name, folder, "go on", scratch, counts)
    filler.unlink()
    wrong = wrong or _again(name, folder, scratch)
    return Told(counts, wrong and f"{name}, {free_kib} KiB free: {wrong}")
