"""Python reads this file first when its folder is on PYTHONPATH.

The scripts of the field test are to repeat themselves and to need no network. So what draws random
numbers is seeded as it is imported, data sets are taken as they lie, whatever their checksum, and a
connection to another machine is refused at once. The script's own text stays as it is.
"""

from __future__ import annotations

import importlib.util
import random
import socket
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

HERE = ("localhost", "127.0.0.1", "::1", "")
SEED = 20


def seed_numpy(numpy: Any) -> None:
    numpy.random.seed(SEED)


def seed_torch(torch: Any) -> None:
    torch.manual_seed(SEED)


def trust_files(utils: Any) -> None:
    """Ask for no checksum: torchvision knows those of the real data, not of ours."""
    from pathlib import Path

    def exists(path: Any, checksum: str | None = None) -> bool:
        return Path(path).is_file()

    utils.check_integrity = exists


def seed_gymnasium(seeding: Any) -> None:
    """Have an environment that was given no seed begin at ours, and its player too."""
    random.seed(SEED)
    draw = seeding.np_random

    def np_random(seed: int | None = None) -> Any:
        return draw(SEED if seed is None else seed)

    seeding.np_random = np_random


AFTER: dict[str, Callable[[Any], None]] = {
    "numpy": seed_numpy,
    "torch": seed_torch,
    "torchvision.datasets.utils": trust_files,
    "gymnasium.utils.seeding": seed_gymnasium,
}


class AfterImport(MetaPathFinder):
    """Finds what the other finders find, and acts once it is loaded."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Find it once more without us, and have the loader act after its work."""
        act = AFTER.pop(fullname, None)
        spec = importlib.util.find_spec(fullname) if act else None
        if act and spec and spec.loader:
            _act_after(spec.loader, act)
        return spec


def _act_after(loader: Any, act: Callable[[Any], None]) -> None:
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        act(module)

    loader.exec_module = exec_module


def _refuse_strangers(connect: Callable[..., Any]) -> Callable[..., Any]:
    def only_here(address: Any, *rest: Any, **named: Any) -> Any:
        if address[0] not in HERE:
            raise OSError(f"no network in the field test: {address[0]} was asked for")
        return connect(address, *rest, **named)

    return only_here


random.seed(SEED)
socket.create_connection = _refuse_strangers(socket.create_connection)
sys.meta_path.insert(0, AfterImport())
