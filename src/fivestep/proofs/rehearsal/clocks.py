"""What the user's own code is told the time is: the truth, another day, or always the same."""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal, Self

from fivestep.proofs.rehearsal.leaves import is_users

Clock = Literal["true", "another day", "still"]
SHIFT_SECONDS = 1_003_607.0  # another day, another hour, another minute
STILL_SECONDS = 1_700_000_000.0
_DAY = ("time", "time_ns")
_STOPWATCH = ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time",
              "process_time_ns", "thread_time")  # fmt: skip
_CALENDAR = ("localtime", "gmtime", "ctime", "asctime", "strftime")


class Clocks:
    """Answers the user's code so meanwhile, and notes where it asks; others are told the truth."""

    def __init__(self, kind: Clock) -> None:
        self.kind: Clock = kind
        self.asked: dict[str, None] = {}
        self._before: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> Self:
        for name in (*_DAY, *_STOPWATCH, *_CALENDAR):
            if hasattr(time, name):
                self._replace(time, name, _answered(name, self.kind, self.asked))
        return self

    def __exit__(self, *_: object) -> None:
        for owner, name, value in reversed(self._before):
            setattr(owner, name, value)

    def into_modules(self) -> None:
        """Reach `datetime`, which others build on, in the user's modules alone."""
        answered = _dates(self.kind, self.asked)
        own = ModuleType("datetime")
        vars(own).update(vars(datetime) | {"datetime": answered})
        modules = [one for one in list(sys.modules.values()) if is_users(_file(one))]
        for module in modules:
            for name, value in list(vars(module).items()):
                if value is datetime.datetime:
                    self._replace(module, name, answered)
                elif value is datetime:
                    self._replace(module, name, own)

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        self._before.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)


def _file(module: Any) -> str | None:
    file = getattr(module, "__file__", None)
    return file if isinstance(file, str) else None


def _answered(name: str, kind: Clock, asked: dict[str, None]) -> Callable[..., Any]:
    true = getattr(time, name)
    seconds, local = time.time, time.localtime  # before they are replaced

    def answer(*args: Any) -> Any:
        if not _noted(sys._getframe(1), f"time.{name}", asked):  # pyright: ignore[reportPrivateUsage]
            return true(*args)
        if name in _CALENDAR:
            return _calendar(name, true, args, local(_day(kind, seconds())))
        if kind == "still":
            return STILL_SECONDS if not name.endswith("_ns") else int(STILL_SECONDS) * 10**9
        if kind == "another day" and name in _DAY:
            shift = SHIFT_SECONDS
            return true() + (int(shift) * 10**9 if name.endswith("_ns") else shift)
        return true()

    return answer


def _day(kind: Clock, now: float) -> float:
    return {"true": now, "another day": now + SHIFT_SECONDS, "still": STILL_SECONDS}[kind]


def _calendar(name: str, true: Callable[..., Any], args: Any, now: time.struct_time) -> Any:
    if name == "strftime":
        return true(*args) if len(args) > 1 else true(args[0], now)
    if args:
        return true(*args)
    return true(now) if name == "asctime" else true(time.mktime(now))


def _dates(kind: Clock, asked: dict[str, None]) -> Any:
    class Answered(datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls._told(datetime.datetime, "now", tz)

        @classmethod
        def utcnow(cls) -> Any:
            return cls.now(datetime.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            return cls.now()

        @classmethod
        def _told(cls, made: Any, name: str, tz: Any) -> Any:
            frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
            while frame.f_back is not None and frame.f_code.co_filename == __file__:
                frame = frame.f_back
            users = _noted(frame, f"datetime.{name}", asked)
            seconds = made.now().timestamp()
            return made.fromtimestamp(_day(kind, seconds) if users else seconds, tz)

    return Answered


def _noted(frame: Any, name: str, asked: dict[str, None]) -> bool:
    code = frame.f_code
    if not is_users(code.co_filename):
        return False
    asked[f"{name} in {code.co_name}, {code.co_filename}:{frame.f_lineno}"] = None
    return True
