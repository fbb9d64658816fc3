"""Killed once to four times, anywhere, and started again: equal to the one never touched."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

from .disks import WHEN, Killing, Watched
from .lives import KILLED, ended, left, life, reference, trouble
from .outcome import differences
from .power import PowerLoss
from .trials import Told
from .works import NAMES

MOST_KILLS = 3


def trial(number: int, scratch: Path) -> Told:
    """Kill by SIGKILL, at random instants and inside the windows of a save."""
    return _campaign("kills", number, scratch)


def power(number: int, scratch: Path) -> Told:
    """Cut the power inside the windows of a save: what was not synced may be gone."""
    return _campaign("power", number, scratch)


def _campaign(kind: str, number: int, scratch: Path) -> Told:
    chance = random.Random(f"{kind} {number}")
    name = NAMES[number % len(NAMES)]
    folder = Path(tempfile.mkdtemp(dir=scratch))
    counts: Counter[str] = Counter()
    code, keep = KILLED, chance.choice((1, 2))
    for turn in range(chance.randint(1, MOST_KILLS)):
        code = _one_life(kind, chance, name, folder, scratch, turn, counts, keep)
        if code != KILLED:
            break
    if code == KILLED:
        code = ended(life(name, folder, Watched(), keep=keep))
    failure = _verdict(code, name, folder, scratch)
    if not failure:
        shutil.rmtree(folder)
    return Told(counts, failure and f"{name}: {failure}")


def _one_life(
    kind: str, chance: random.Random, name: str, folder: Path, scratch: Path, turn: int,
    counts: Counter[str], keep: int,
) -> int:  # fmt: skip
    known = reference(name, scratch)
    if kind == "kills" and chance.random() < 0.4:
        seconds = chance.uniform(0, known.seconds / (turn + 1))
        return _at_an_instant(name, folder, seconds, counts, keep)
    call = chance.choice(sorted(known.calls))
    at = chance.randint(1, max(1, known.calls[call] // (turn + 1)))
    when = chance.choice(WHEN if call == "write" else (WHEN[0], WHEN[2]))
    if kind == "power":
        disk: Killing = PowerLoss(call, at, when, seed=f"power {chance.random()}")
    else:
        disk = Killing(call, at, when)
    code = ended(life(name, folder, disk, keep=keep))
    if code == KILLED:
        counts.update([kind, f"{when} {call}"])
    return code


def _at_an_instant(name: str, folder: Path, seconds: float, counts: Counter[str], keep: int) -> int:
    pid = life(name, folder, Watched(), keep=keep)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    code = ended(pid)
    if code == KILLED:
        counts.update(["kills", "at an instant"])
    return code


def _verdict(code: int, name: str, folder: Path, scratch: Path) -> str:
    if code != 0:
        return f"ended with {code}: {trouble(folder)}"
    wrong = differences(left(folder)["parts"], reference(name, scratch).parts)
    return f"not equal: {'; '.join(wrong[:5])}" if wrong else ""
