"""Whether the process that writes a run still lives: its number alone may belong to another."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

Identity = dict[str, Any]


def identity() -> Identity:
    """What this process can be known by later."""
    return {"machine": _machine(), "pid": os.getpid(), "started": _started(os.getpid())}


def lives(identity: Identity) -> bool | None:
    """Tell whether that process is still there; None where that cannot be known from here."""
    pid = identity.get("pid")
    if not isinstance(pid, int) or identity.get("machine") != _machine():
        return None
    if os.name != "posix":  # a signal of 0 ends a process there
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    began = _started(pid)
    return began != "" and began == identity.get("started") if _KNOWN else True


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return f"{platform.node()} {boot}".strip()


def _started(pid: int) -> str:
    """When it began, in the words of the system; "" for one that is gone or dead already."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = stat.rpartition(")")[2].split()  # the name before it may hold anything
    return "" if state in "ZX" else rest[18]


_KNOWN = _started(os.getpid()) != ""
