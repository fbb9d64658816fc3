"""Processes that are really started anew, each with other hashes, and killed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import cast

from .disks import WHEN, Killing, When
from .lives import KILLED, left, reference, train, warm
from .outcome import differences
from .trials import Told
from .works import NAMES, WORKS

ROOT = Path(__file__).resolve().parents[2]


def trial(number: int, scratch: Path) -> Told:
    """Kill one process inside a save, and let another one, of other hashes, go on."""
    chance = random.Random(f"fresh {number}")
    name = NAMES[6 * number % len(NAMES)]  # 6: the trials go through all of them
    folder = Path(tempfile.mkdtemp(dir=scratch))
    known = reference(name, scratch)
    call = chance.choice(("create", "write", "sync", "rename"))
    at = str(chance.randint(1, known.calls[call]))
    killed = _started(name, folder, number, [call, at, chance.choice(WHEN)])
    code = _started(name, folder, number + 1000, [])
    if killed != KILLED or code != 0:
        return Told(Counter(), f"{name}: they ended with {killed} and {code}")
    wrong = differences(left(folder)["parts"], known.parts)
    return Told(Counter(["kills"]), "; ".join(wrong[:5]) and f"{name}: {wrong[:5]}")


def _started(name: str, folder: Path, hashes: int, kill: list[str]) -> int:
    environment = os.environ | {"PYTHONHASHSEED": str(hashes), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", __name__, name, str(folder), *kill]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    return done.returncode


def main(name: str, folder: Path, kill: list[str]) -> None:
    warm()
    call, at, when = kill or ("", "0", "after")
    disk = Killing(call, int(at), cast("When", when))
    parts, reason = train(WORKS[name](), folder, disk)
    written = {"parts": parts, "reason": reason, "calls": disk.calls}
    (folder / "outcome.json").write_text(json.dumps(written))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
