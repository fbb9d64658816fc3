"""The lives that a trap asks for, each let pass once."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from benchmarks.traps.measure import NoNotionError

from .lives import Event, Life, Outcome, Training, copied, killed, live
from .problems import KILLED

Pair = tuple[Outcome, Outcome]


class Bench:
    """One library under one set of options."""

    def __init__(self, module: ModuleType, home: Path, *, best: bool) -> None:
        self.module, self.home, self.best = module, home, best
        self._untouched: dict[str, Outcome] = {}
        self._killed: dict[str, Pair] = {}
        self._stopped: dict[str, Life] = {}
        self._numbers = itertools.count(1)

    def training(self, name: str) -> Training:
        """The library's function of this name, which may say that there is no such thing."""
        return getattr(self.module, name)

    def life(self, *, at: int = 0, event: Event | None = None, workers: int = 0) -> Life:
        """A life in a folder of its own."""
        home = self.home / str(next(self._numbers))
        return Life(home, self.best, workers=workers, at=at, event=event)

    def untouched(self, name: str, workers: int = 0) -> Outcome:
        """The whole training in one piece; it has to end, or nothing can be compared with it."""
        key = f"{name} {workers}"
        if key not in self._untouched:
            done = live(self.training(name), self.life(workers=workers))
            if done.code == 1 and "NoNotionError" in done.error:
                raise NoNotionError(done.error.partition(": ")[2])
            if not done.left:
                raise RuntimeError(f"untouched, it ended with {done.code}: {done.error}")
            self._untouched[key] = done
        return self._untouched[key]

    def killed(self, name: str, *, at: int = KILLED, workers: int = 0, later: int = 0) -> Pair:
        """Killed in an iteration, and started again with ``later`` workers."""
        key = f"{name} {at} {workers} {later}"
        if key not in self._killed:
            self.untouched(name, workers)
            life = self.life(at=at, event=killed, workers=workers)
            first = live(self.training(name), life)
            if first.code != -9:
                raise RuntimeError(f"it was to be killed, and ended with {first.code}")
            self._killed[key] = first, self.again(name, life, workers=later)
        return self._killed[key]

    def again(self, name: str, life: Life, *, workers: int = 0) -> Outcome:
        """Start the training anew on what a life has left behind."""
        life = replace(life, resume=True, workers=workers, at=0, event=None, count=0)
        return live(self.training(name), life)

    def stopped(self, name: str, at: int = KILLED) -> Life:
        """A training, killed and not yet resumed, in a folder of its own to be damaged."""
        self.untouched(name)
        if name not in self._stopped:
            life = self._stopped[name] = self.life(at=at, event=killed)
            live(self.training(name), life)
        return replace(self._stopped[name], home=copied(self._stopped[name].home, self.life().home))
