"""The state of any object of a training, by what it is; collected live, put back in place."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from fivestep.arguments import describe
from fivestep.attach.accumulate import Accumulated
from fivestep.attach.average import Average
from fivestep.attach.precision import Scaled
from fivestep.attach.schedule import Attached
from fivestep.attach.wrapping import Wrapping
from fivestep.checkpoints.modules import load_module_state, module_parts, module_state
from fivestep.checkpoints.optimizers import (
    Names,
    load_optimizer_state,
    loose,
    names_of,
    optimizer_state,
    single,
)
from fivestep.checkpoints.own import Inner, Noted
from fivestep.checkpoints.seeds import set_states_of, states_of
from fivestep.randomness import GENERATORS
from fivestep.unwrapped import unwrapped

Objects = Mapping[str, Any]


def states(objects: Objects) -> dict[str, Any]:
    """Collect the state of each object: plain values and live tensors."""
    names = names_of(objects)
    return {label: _state(label, one, names) for label, one in objects.items()}


def begin(objects: Objects) -> None:
    """Take what the objects' attributes are now for settings: what changes from now on counts."""
    for one in objects.values():
        if isinstance(one, nn.Module):
            Inner(unwrapped(one)).begin()
        elif _is_optimizer(one):
            for each in _of_torch(one).values():
                Inner(each).begin()


def load_states(objects: Objects, given: dict[str, Any], *, strict: bool = True) -> Noted:
    """Put back what ``states`` collected, each into its object.

    Returns:
        What has to be said of it: attributes that begin anew, or were set otherwise here.

    Raises:
        ValueError: something is missing, too much or of another shape; the message names it. What
            stands before it in ``objects`` may have been loaded.
    """
    missing = [label for label in objects if label not in given]
    unknown = [label for label in given if label not in objects]
    if strict and (missing or unknown):
        raise ValueError(
            f"checkpoint: the state of {sorted(given)} was saved, and {sorted(objects)} were given"
            "\n  do: give the same objects under the same names"
        )
    names, noted = names_of(objects), Noted([], [])
    for label, one in objects.items():
        if label in given:
            try:
                for inner in _load(one, given[label], names, strict=strict):
                    noted.forgotten.extend(inner.forgotten)
                    noted.other.extend(inner.other)
            except (KeyError, RuntimeError, TypeError, ValueError) as error:
                raise ValueError(f"checkpoint: {label}: {error}") from error
    return noted


def need_owners(objects: Objects) -> None:
    """Refuse optimizers whose parameters belong to none of the objects: they would not be saved.

    Raises:
        ValueError: which, and what to do.
    """
    for label, one in objects.items():
        beside = loose(one, objects) if _is_optimizer(one) else None
        if beside is not None:
            held = ", ".join(list(beside.parameters)[:3])
            raise ValueError(
                f"checkpoint: {label} moves {len(beside.parameters)} parameters that none of the "
                f"objects {sorted(objects)} owns ({held}), and they would not be saved\n"
                "  do: give their model, too: Checkpoint('DIR', {'model': model, ...})"
            )


def fingerprint(objects: Objects) -> dict[str, Any]:
    """Say what the objects are made of, for people and for a comparison before anything loads."""
    names = names_of(objects)
    return {label: _parts(one, names) for label, one in objects.items()}


def _parts(one: Any, names: Names) -> Any:
    if isinstance(one, nn.Module):
        return module_parts(one)
    if _is_optimizer(one):
        return {
            label or "optimizer": [
                type(each).__name__,
                [len(group["params"]) for group in each.param_groups],
            ]
            for label, each in single(one).items()
        }
    return type(one).__name__


def _is_optimizer(one: Any) -> bool:
    return hasattr(one, "param_groups") and hasattr(one, "step")


def _of_torch(one: Any) -> dict[str, Any]:
    several = single(one).items()
    return {label: each for label, each in several if isinstance(each, torch.optim.Optimizer)}


def _state(label: str, one: Any, names: Names) -> Any:
    if isinstance(one, nn.Module):
        return module_state(one) | {"own": Inner(unwrapped(one)).state()}
    if isinstance(one, Average):
        return {"updates": one.seen, "averaged": one.updates, "module": module_state(one.module)}
    if isinstance(one, Attached):
        return {"updates": one.updates, "scheduler": one.scheduler.state_dict()}
    if _is_optimizer(one):
        own = {label: Inner(each).state() for label, each in _of_torch(one).items()}
        wrapped, inner = _wrapped(one, names), optimizer_state(one, names)
        return {"wrapped": wrapped, "optimizers": inner, "own": own}
    if isinstance(one, GENERATORS):
        return states_of([one])[0]
    if isinstance(one, (dict, list)):
        return one
    if isinstance(one, Tensor):
        return one
    if hasattr(one, "state_dict") and hasattr(one, "load_state_dict"):
        return one.state_dict()
    raise TypeError(
        f"checkpoint: {label} is {describe(one)}, whose state cannot be told\n"
        "  do: give it state_dict() and load_state_dict(), or keep its values in a dict"
    )


def _load(one: Any, given: Any, names: Names, *, strict: bool) -> list[Noted]:
    if isinstance(one, nn.Module):
        load_module_state(one, given, strict=strict)
        return [Inner(unwrapped(one)).put(given.get("own", {}))]
    if _is_optimizer(one):
        load_optimizer_state(one, given["optimizers"], names, strict=strict)
        _load_wrapped(one, given["wrapped"], names)
        own = given.get("own", {})
        return [Inner(each).put(own.get(label, {})) for label, each in _of_torch(one).items()]
    _load_other(one, given, strict=strict)
    return []


def _load_other(one: Any, given: Any, *, strict: bool) -> None:
    if isinstance(one, Average):
        one.go_on_from(given["updates"], given["averaged"])
        load_module_state(one.module, given["module"], strict=strict)
    elif isinstance(one, Attached):
        one.updates = given["updates"]
        _load_scheduler(one.scheduler, given["scheduler"])
    elif isinstance(one, GENERATORS):
        set_states_of([one], [given])
    elif isinstance(one, Tensor):
        with torch.no_grad():
            one.copy_(given)
    elif isinstance(one, (dict, list)):
        _refill(one, given)
    elif isinstance(one, (LRScheduler, ReduceLROnPlateau)):
        _load_scheduler(one, given)
    else:
        one.load_state_dict(given)


def _load_scheduler(scheduler: Any, given: dict[str, Any]) -> None:
    # Copied: torch's schedulers take apart what they are given.
    scheduler.load_state_dict(copy.deepcopy(given))


def _refill(one: Any, given: Any) -> None:
    one.clear()
    if isinstance(one, dict):
        one.update(given)
    else:
        one.extend(given)


def _wrapped(optimizer: Any, names: Names) -> list[Any]:
    """Collect what stands around an optimizer, from the outside: a window, a scale."""
    found: list[Any] = []
    while isinstance(optimizer, Wrapping) and not isinstance(optimizer.inner, tuple):
        if isinstance(optimizer, Accumulated):
            found.append({"window": optimizer.window, "open": _named(optimizer, names)})
        elif isinstance(optimizer, Scaled):
            scale, pending = optimizer.scaler.state_dict(), optimizer.pending
            found.append({"scale": scale, "skipped": optimizer.skipped, "pending": pending})
        optimizer = optimizer.inner
    return found


def _named(accumulated: Accumulated, names: Names) -> dict[str, Any]:
    window = accumulated.opened()
    keys = _keys(accumulated, names)
    gradients = {keys[id(p)]: gradient for p, gradient in window.gradients.items()}
    return window._replace(gradients=gradients)._asdict()


def _keys(optimizer: Any, names: Names) -> dict[int, str]:
    held = [p for group in optimizer.param_groups for p in group["params"]]
    return {id(p): names.get(id(p), f"parameter {place}") for place, p in enumerate(held)}


def _load_wrapped(optimizer: Any, given: list[Any], names: Names) -> None:
    rest = list(given)
    while isinstance(optimizer, Wrapping) and not isinstance(optimizer.inner, tuple):
        if isinstance(optimizer, Accumulated):
            _reopen(optimizer, _next(rest, "window"), names)
        elif isinstance(optimizer, Scaled):
            found = _next(rest, "scale")
            optimizer.scaler.load_state_dict(found["scale"])
            optimizer.skipped, optimizer.pending = found["skipped"], found["pending"]
            device = optimizer.param_groups[0]["params"][0].device
            optimizer.scaler.scale(torch.zeros((), device=device))  # else its scale comes too late
        optimizer = optimizer.inner
    if rest:
        raise ValueError(f"{[sorted(one) for one in rest]} was saved, and is not here")


def _next(rest: list[Any], key: str) -> Any:
    if not rest or key not in rest[0]:
        raise ValueError(f"no {key} was saved, and the optimizer has one here")
    return rest.pop(0)


def _reopen(optimizer: Accumulated, given: Any, names: Names) -> None:
    held = [p for group in optimizer.param_groups for p in group["params"]]
    keys = _keys(optimizer, names)
    by_name = {keys[id(p)]: p for p in held}
    opened: dict[str, Any] = given["open"]
    if opened["batches"] and given["window"] != optimizer.window:
        raise ValueError(
            f"a window of {given['window']} batches is open in what was saved, and here it has "
            f"{optimizer.window}\n  do: accumulate={given['window']}, as when it was saved"
        )
    gradients = {
        by_name[name]: gradient.to(by_name[name].device, copy=True)
        for name, gradient in opened["gradients"].items()
    }
    optimizer.reopen(optimizer.opened()._replace(**(opened | {"gradients": gradients})))
