"""SIGTERM loses nothing, a worker that is killed is told and resumed, and two do not share."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

from torch import Tensor

from fivestep.interrupt import RESUME_ME

from .disks import Watched
from .lives import HUNG_SECONDS, ended, left, life, reference, train, trouble, updates
from .lives import forked as forked_off
from .outcome import differences
from .trials import Told
from .works import NAMES, Augmented, Work, loader, work


def trial(number: int, scratch: Path) -> Told:
    """Send SIGTERM at a random update; count the updates of both lives."""
    chance = random.Random(f"sigterm {number}")
    name = NAMES[number % len(NAMES)]
    folder = Path(tempfile.mkdtemp(dir=scratch))
    known = reference(name, scratch)
    pid = life(name, folder, Watched())
    code = _told_to_end(pid, folder, chance.randint(1, known.updates))
    counts = Counter([f"ended with {code}"])
    if code == RESUME_ME:
        code = ended(life(name, folder, Watched()))
    if code != 0:
        return Told(counts, f"{name}: ended with {code}: {trouble(folder)}")
    wrong = differences(left(folder)["parts"], known.parts)
    if updates(folder) != known.updates:
        wrong.append(f"{updates(folder)} updates were made for {known.updates}")
    return Told(counts, "; ".join(wrong[:5]) and f"{name}: {'; '.join(wrong[:5])}")


def _told_to_end(pid: int, folder: Path, after: int) -> int:
    end = time.monotonic() + HUNG_SECONDS
    while updates(folder) < after and time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.0005)
    os.kill(pid, signal.SIGTERM)
    return ended(pid)


class Killed(Augmented):
    """Its worker kills itself at one sample, as long as a file is there."""

    def __init__(self, flag: Path, place: int) -> None:
        super().__init__()
        self.flag, self.place = flag, place

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        if place == self.place and self.flag.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(place)


def worker(number: int, scratch: Path) -> Told:
    """Kill a worker of the loader at one sample after the other; then go on without that."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    flag = folder / "kill"
    flag.touch()

    def made() -> Work:
        dataset = Killed(flag, 7 * number % 37)
        return work(loader(dataset, 2, shuffle=True), accumulate=1 + 3 * (number % 2))

    code = ended(forked_off(lambda: train(made(), folder, Watched()), folder))
    if code != 1 or "DataLoader worker" not in trouble(folder):
        return Told(Counter(), f"a worker was killed, and it ended with {code}: {trouble(folder)}")
    flag.unlink()
    (folder / "error").unlink()
    name = "2 workers, accumulate 4" if number % 2 else "2 workers, augmentation"
    expected = reference(name, scratch).parts
    code = ended(forked_off(lambda: _equal(made(), folder, expected), folder))
    return Told(Counter(["told, and resumed"]), trouble(folder) if code else "")


def _equal(made: Work, folder: Path, expected: dict[str, str]) -> None:
    found, _ = train(made, folder, Watched())
    wrong = differences(found, expected)
    assert not wrong, wrong


def rivals(number: int, scratch: Path) -> Told:
    """Start two at once in one folder: one trains, one is refused by the other's number."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    homes = [folder / "one", folder / "other"]
    pids = [_rival(home, folder, (number * 7919) % 97 / 5000 * place)
            for place, home in enumerate(homes)]  # fmt: skip
    end = time.monotonic() + HUNG_SECONDS
    refused: list[int] = []
    while not refused and time.monotonic() < end and len(list(folder.glob("in *"))) < 2:
        refused = [place for place in (0, 1) if (homes[place] / "error").exists()]
        time.sleep(0.002)
    (folder / "go").touch()
    codes = [ended(pid) for pid in pids]
    if sorted(codes) != [0, 1] or not refused:
        return Told(Counter(), f"both ended with {codes}: {[trouble(home) for home in homes]}")
    told, winner = trouble(homes[codes.index(1)]), pids[codes.index(0)]
    right = "LockedError" in told and (f"process {winner} on" in told or "another process" in told)
    named = f"process {winner} on" in told
    return Told(
        Counter(["refused by number" if named else "refused"]), "" if right else told[-500:]
    )


def _rival(home: Path, folder: Path, delay_seconds: float) -> int:
    home.mkdir()
    (home / "saved").symlink_to(folder / "saved", target_is_directory=True)
    (folder / "saved").mkdir(exist_ok=True)

    def wait(*_: object) -> None:
        _wait(folder)

    def run() -> None:
        time.sleep(delay_seconds)
        made = work()
        made.optimizer.register_step_pre_hook(wait)
        train(made, home, Watched())

    return forked_off(run, home)


def _wait(folder: Path) -> None:
    (folder / f"in {os.getpid()}").touch()
    end = time.monotonic() + HUNG_SECONDS
    while not (folder / "go").exists() and time.monotonic() < end:
        time.sleep(0.002)
