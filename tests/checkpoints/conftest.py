from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fivestep.checkpoints.disk import Disk, use


class Unsynced(Disk):
    """Waits for no disk: what a killed process wrote is there; only the machine could lose it."""

    def sync(self, file: int) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass


@pytest.fixture(autouse=True)
def unsynced() -> Iterator[None]:
    before = use(Unsynced())
    yield
    use(before)
