"""fivestep: the PyTorch training loop as real software. Run it, watch it, mend it, teach it."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from fivestep.version import __version__

if TYPE_CHECKING:
    from fivestep.batches import Batches, batches
    from fivestep.course import NonFiniteError
    from fivestep.doctor import Diagnosis, Doctor, diagnose, listen
    from fivestep.evaluate import accuracy, evaluate
    from fivestep.finding import Finding, Report, Severity
    from fivestep.fit import fit
    from fivestep.loop import Moment, Step, train
    from fivestep.run import Run
    from fivestep.split import split
    from fivestep.watch import Watch

# Where each public name lives. A name is imported when it is first asked for (PEP 562), so that
# `fivestep --help` answers without loading torch.
_HOMES = {
    "Batches": "batches",
    "Diagnosis": "doctor",
    "Doctor": "doctor",
    "Finding": "finding",
    "Moment": "loop",
    "NonFiniteError": "course",
    "Report": "finding",
    "Run": "run",
    "Severity": "finding",
    "Step": "loop",
    "Watch": "watch",
    "accuracy": "evaluate",
    "batches": "batches",
    "diagnose": "doctor",
    "evaluate": "evaluate",
    "fit": "fit",
    "listen": "doctor",
    "split": "split",
    "train": "loop",
}

__all__ = [
    "Batches",
    "Diagnosis",
    "Doctor",
    "Finding",
    "Moment",
    "NonFiniteError",
    "Report",
    "Run",
    "Severity",
    "Step",
    "Watch",
    "__version__",
    "accuracy",
    "batches",
    "diagnose",
    "evaluate",
    "fit",
    "listen",
    "split",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fivestep' has no attribute {name!r}")
    value = getattr(import_module(f"fivestep.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: Any) -> None:
    """Answer ``%load_ext fivestep``: the cell magic ``%%listen``."""
    import_module("fivestep.notebook").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Answer ``%unload_ext fivestep``."""
    import_module("fivestep.notebook").unload(shell)


class _Package(ModuleType):
    """Keeps `fivestep.fit` the function: importing a submodule would bind the module there."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
