"""All that a training leaves behind, in parts that can be compared to the bit."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from fivestep.proofs.bench.compare import Difference, differ
from fivestep.proofs.bench.quiet import named, random_states
from fivestep.proofs.bench.trial import Trial

PARTS = ("weights", "buffers", "modes", "gradients", "optimizer", "attributes", "random numbers")
_INNER = {*vars(nn.Module()), "training"}  # torch's own attributes of every module
MOST = 256  # values of one attribute that are looked at

State = dict[str, dict[str, Any]]


def captured(trial: Trial) -> State:
    """Copy the whole state of a trial, in the parts named in ``PARTS``."""
    model = trial.model
    buffers = dict(model.named_buffers()) if isinstance(model, nn.Module) else {}
    return {
        "weights": trial.weights(),
        "buffers": {name: one.detach().clone() for name, one in buffers.items()},
        "modes": modes(model),
        "gradients": trial.gradients(),
        "optimizer": _optimizer(trial),
        "attributes": attributes(trial),
        "random numbers": random_states(),
    }


def modes(model: Any) -> dict[str, bool]:
    """Train or eval mode of each module by its name."""
    return {name: module.training for name, module in named(model)}


def first_change(before: State, after: State, parts: tuple[str, ...]) -> tuple[str, Difference]:
    """Find the first part that differs; an empty name if all are the same bits."""
    of = 0.0
    for part in parts:
        found = differ(before[part], after[part])
        if not found.equal:
            return part, found
        of = max(of, found.of)
    return "", Difference(0.0, of, "", True)


def attributes(trial: Trial) -> dict[str, Any]:
    """What modules keep besides parameters and buffers: counters, tensors, generators of theirs."""
    found: dict[str, Any] = {}
    owners = [(name, module) for name, module in named(trial.model)]
    if not isinstance(trial.model, nn.Module):
        owners = [("model", trial.model)]
    owners += [(f"loss {name}", module) for name, module in named(trial.loss_fn)]
    for owner, module in owners:
        for name, value in getattr(module, "__dict__", {}).items():
            if name not in _INNER:
                found |= itertools.islice(_leaves(f"{owner}.{name}", value), MOST)
    return found


def _optimizer(trial: Trial) -> dict[str, Any]:
    names = {id(one): name for name, one in trial.parameters().items()}
    found: dict[str, Any] = {}
    for parameter, state in trial.optimizer.state.items():
        for name, value in cast("dict[str, Any]", state).items():
            found |= _leaves(f"{names.get(id(parameter), 'state')} {name}", value)
    for number, group in enumerate(trial.optimizer.param_groups):
        for name, value in group.items():
            if name != "params":
                found |= _leaves(f"group {number} {name}", value)
    return found


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The values of a nest that can be copied and compared; others are passed over."""
    if isinstance(value, Tensor):
        yield name, value.detach().clone()
    elif isinstance(value, np.ndarray):
        yield name, cast("Any", value).copy()
    elif isinstance(value, (bool, int, float, str, bytes, type(None))):
        yield name, value
    elif isinstance(value, torch.Generator):
        yield name, cast("Any", value).get_state()
    elif isinstance(value, (np.random.Generator, np.random.RandomState, random.Random)):
        yield name, _generator(value)
    elif isinstance(value, itertools.count):
        yield name, repr(cast("Any", value))
    elif isinstance(value, dict):
        items = cast("dict[Any, Any]", value).items()
        yield from (leaf for key, one in items for leaf in _leaves(f"{name}[{key!r:.40}]", one))
    elif isinstance(value, (list, tuple)):
        items = enumerate(cast("list[Any]", value))
        yield from (leaf for i, one in items for leaf in _leaves(f"{name}[{i}]", one))


def _generator(value: Any) -> str:
    if isinstance(value, random.Random):
        return str(value.getstate())
    state = value.bit_generator.state if isinstance(value, np.random.Generator) else None
    if state is None:
        _, key, *rest = cast("Any", value).get_state(legacy=True)
        return f"{key.tobytes()} {rest}"
    inner = state["state"]
    return str({key: one.tolist() if hasattr(one, "tolist") else one for key, one in inner.items()})
