"""fivestep: the PyTorch training loop as real software. Run it, watch it, mend it, teach it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fivestep.version import __version__

if TYPE_CHECKING:
    from fivestep.loop import Moment, Step, train

# Where each public name lives. A name is imported when it is first asked for (PEP 562), so that
# `fivestep --help` answers without loading torch.
_HOMES = {
    "Moment": "loop",
    "Step": "loop",
    "train": "loop",
}

__all__ = ["Moment", "Step", "__version__", "train"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fivestep' has no attribute {name!r}")
    value = getattr(import_module(f"fivestep.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
