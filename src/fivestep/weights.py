"""The weights out of a folder of checkpoints: a plain ``state_dict``, for whatever comes after."""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from fivestep.checkpoints.nonfinite import good
from fivestep.checkpoints.snapshot import restored
from fivestep.checkpoints.store import DamagedError, Found, Store

Which = Literal["best", "last", "average"]
_TRIES = 3  # a training that goes on removes old files between our looks


def weights(
    folder: str | os.PathLike[str], which: Which = "best", *, name: str = "model"
) -> dict[str, Any]:
    """Read the weights of a model out of a folder of checkpoints, each file held against its hash.

    No code is run, no model and no optimizer are needed, and a training may go on meanwhile. Where
    the newest checkpoint is damaged a warning names it, and the one before it is read; a warning
    names weights that are not finite, too.

    Args:
        folder: as given to ``checkpoint``.
        which: ``"best"``, those of the best monitored value so far (in a loop of your own, what
            ``Checkpoint.monitor`` was told); ``"last"``, those of the newest
            checkpoint; ``"average"``, the averaged ones in it.
        name: of the model among the objects of a ``Checkpoint`` of a loop of your own.

    Returns:
        What ``model.load_state_dict`` takes: the tensors, on the CPU, by the names of the bare
        model (no ``_orig_mod.``, no ``module.``).

    Raises:
        FileNotFoundError: there is no checkpoint.
        DamagedError: there are some, and none is whole.
        ValueError: it holds no such weights; what it holds.
    """
    if which not in ("best", "last", "average"):
        raise ValueError(f"which={which!r} was given\n  do: choose 'best', 'last' or 'average'")
    given = restored(_newest(Path(folder).expanduser()))
    found = _held(given, name)
    if which not in found:
        raise ValueError(
            f"which={which!r} was given, and the newest checkpoint in {folder} has no such weights "
            f"of {name!r}\n  do: {_advice(found, given)}"
        )
    _warn_of_nonfinite(found[which])
    return found[which]


def _warn_of_nonfinite(state: dict[str, Any]) -> None:
    # What is a buffer is not known here, and a mask holds -inf.
    tensors = {name: one for name, one in state.items() if isinstance(one, Tensor)}
    finite = {n: one.masked_fill(one == -math.inf, 0) for n, one in tensors.items() if _wide(one)}
    bad = [name for name, one in (tensors | finite).items() if not good(one)]
    if bad:
        warnings.warn(f"NaN or inf stands in {', '.join(bad[:8])}", stacklevel=3)


def _wide(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.itemsize > 1


def _newest(folder: Path) -> Found:
    found = None
    for attempt in range(1, _TRIES + 1) if folder.is_dir() else ():
        try:  # what is missing may have been removed meanwhile, and another one be there
            found = Store(folder).newest()
        except DamagedError:
            if attempt == _TRIES:
                raise
        else:
            if found is None or not found.refused:
                break
    if found is None:
        raise FileNotFoundError(
            f"no checkpoint is in {folder}\n  do: name the folder given to fit(checkpoint=...)"
        )
    for refused in found.refused:
        warnings.warn(f"passed over, the one before it is read: {refused}", stacklevel=3)
    return found


def _held(given: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Find all weights of a checkpoint, by what they are called here."""
    objects, found = given["objects"], dict[str, dict[str, Any]]()
    if isinstance(objects.get(name), dict) and "state" in objects[name]:
        found["last"] = objects[name]["state"]
    average = objects.get("average")
    if isinstance(average, dict) and average.get("averaged"):
        found["average"] = average["module"]["state"]
    best = given.get("best")
    held = best and best["weights"]
    if "loop" in given:  # by hand: by the names of the objects
        held = held.get(name) if held else None
    if held is not None:
        found["best"] = held
    return found


def _advice(found: dict[str, Any], given: dict[str, Any]) -> str:
    if found:
        return f"choose one of {sorted(found)}"
    return f"name= one of the modules among {sorted(given['objects'])}"
