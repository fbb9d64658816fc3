"""A million iterations of the line with saving: memory stays flat, and so does the folder."""

from __future__ import annotations

import gc
import os
import tempfile
from collections import Counter
from pathlib import Path

import torch
from torch import nn

from fivestep import Checkpoint, fit
from fivestep.checkpoints.disk import use

from .disks import Watched
from .trials import Told

ITERATIONS, SAVES = 1_000_000, 1000
KEPT_FILES = 8  # two checkpoints of one manifest and two fragments, the lock, one being written
LEAST_MB = 1.0


def trial(number: int, scratch: Path) -> Told:
    """Train the line so long; the larger the number, the shorter: a tenth for each."""
    iterations = max(ITERATIONS // 10**number, 1000)
    folder = Path(tempfile.mkdtemp(dir=scratch))
    measured = _measured(iterations, folder)
    warm = measured[len(measured) // 5 :]  # what grows at first is what is loaded
    grown = (warm[-1][0] - warm[0][0]) / 2**20
    most = max(count for _, count in measured)
    figures = Counter({f"{iterations:,} iterations": 1, "files at the most": most})
    figures[f"memory grew by {grown:.2f} MB"] += 1
    wrong = f"{most} files" if most > KEPT_FILES else ""
    if grown > LEAST_MB:
        wrong = f"memory grew by {grown:.2f} MB in {len(warm)} saves; {wrong}"
    return Told(figures, wrong)


def _measured(iterations: int, folder: Path) -> list[tuple[int, int]]:
    """Train; measure memory and files fifty times on the way."""
    use(Watched())
    found: list[tuple[int, int]] = []
    model, calls = nn.Linear(1, 1), 0
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def look(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls % (iterations // 50) == 0:
            gc.collect()
            found.append((resident_bytes(), len(os.listdir(folder))))  # noqa: PTH208

    optimizer.register_step_post_hook(look)
    inputs = torch.linspace(-1, 1, 10_000).unsqueeze(1)
    fit(model, nn.MSELoss(), optimizer, (inputs, 2 * inputs + 1), length=f"{iterations} iterations",
        batch_size=1, checkpoint=Checkpoint(folder, every=f"{max(iterations // SAVES, 1)} updates"),
        progress=False, watch=False, keep_best=False)  # fmt: skip
    return found


def resident_bytes() -> int:
    """Measure what this process holds in memory; zero where the system does not tell."""
    path = Path("/proc/self/statm")
    if not path.exists():
        return 0
    return int(path.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
