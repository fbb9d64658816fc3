"""fivestep: the PyTorch training loop as real software. Run it, watch it, mend it, teach it."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from fivestep.version import __version__

if TYPE_CHECKING:
    from fivestep.anchors import Back
    from fivestep.attach.accumulate import accumulate
    from fivestep.attach.average import average
    from fivestep.attach.clip import clip
    from fivestep.attach.precision import precision
    from fivestep.attach.schedule import constant, cosine, linear, schedule
    from fivestep.attach.together import together
    from fivestep.batches import Batches, batches
    from fivestep.checkpoint import Checkpoint
    from fivestep.course import NonFiniteError
    from fivestep.doctor import Diagnosis, Doctor, diagnose, listen
    from fivestep.evaluate import accuracy, evaluate
    from fivestep.find_lr import find_lr
    from fivestep.finding import Finding, Report, Severity
    from fivestep.fit import fit
    from fivestep.loop import Moment, Step, train
    from fivestep.proofs.proof import Proof
    from fivestep.prove import prove
    from fivestep.rate_search import RateSearch
    from fivestep.run import Run
    from fivestep.split import split
    from fivestep.stepping import step
    from fivestep.view import view
    from fivestep.watch import Watch
    from fivestep.weights import weights

# Where each public name lives. A name is imported when it is first asked for (PEP 562), so that
# `fivestep --help` answers without loading torch.
_HOMES = {
    "Back": "anchors",
    "Batches": "batches",
    "Checkpoint": "checkpoint",
    "Diagnosis": "doctor",
    "Doctor": "doctor",
    "Finding": "finding",
    "Moment": "loop",
    "NonFiniteError": "course",
    "Proof": "proofs.proof",
    "RateSearch": "rate_search",
    "Report": "finding",
    "Run": "run",
    "Severity": "finding",
    "Step": "loop",
    "Watch": "watch",
    "accumulate": "attach.accumulate",
    "accuracy": "evaluate",
    "average": "attach.average",
    "batches": "batches",
    "clip": "attach.clip",
    "constant": "attach.schedule",
    "cosine": "attach.schedule",
    "diagnose": "doctor",
    "evaluate": "evaluate",
    "find_lr": "find_lr",
    "fit": "fit",
    "linear": "attach.schedule",
    "listen": "doctor",
    "precision": "attach.precision",
    "prove": "prove",
    "schedule": "attach.schedule",
    "split": "split",
    "step": "stepping",
    "together": "attach.together",
    "train": "loop",
    "view": "view",
    "weights": "weights",
}

__all__ = [
    "Back",
    "Batches",
    "Checkpoint",
    "Diagnosis",
    "Doctor",
    "Finding",
    "Moment",
    "NonFiniteError",
    "Proof",
    "RateSearch",
    "Report",
    "Run",
    "Severity",
    "Step",
    "Watch",
    "__version__",
    "accumulate",
    "accuracy",
    "average",
    "batches",
    "clip",
    "constant",
    "cosine",
    "diagnose",
    "evaluate",
    "find_lr",
    "fit",
    "linear",
    "listen",
    "precision",
    "prove",
    "schedule",
    "split",
    "step",
    "together",
    "train",
    "view",
    "weights",
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
    """Answer ``%load_ext fivestep``: the cell magics ``%%listen`` and ``%%step``."""
    import_module("fivestep.notebook").load(shell)
    import_module("fivestep.cell_magic").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Answer ``%unload_ext fivestep``."""
    import_module("fivestep.notebook").unload(shell)
    import_module("fivestep.cell_magic").unload(shell)


class _Package(ModuleType):
    """Keeps `fivestep.fit` the function: importing a submodule would bind the module there."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
