"""The state of optimizers by the names of their parameters, every tensor in its own type.

``Optimizer.load_state_dict`` matches parameters by their position and casts what it loads to the
type of the parameter: both are wrong after a change of the model, and for a float32 state of
bfloat16 weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fivestep.attach.together import Together
from fivestep.attach.wrapping import core
from fivestep.unwrapped import unwrapped

Names = dict[int, str]  # of parameters, by id


def names_of(modules: Mapping[str, Any]) -> Names:
    """Name the parameters of modules; ``"model.0.weight"``."""
    found: Names = {}
    for label, module in modules.items():
        if isinstance(module, nn.Module):
            for name, parameter in unwrapped(module).named_parameters():
                found.setdefault(id(parameter), f"{label}.{_clean(name)}")
    return found


class Loose:
    """Parameters that an optimizer moves and no module owns: those of a callable, of a closure."""

    def __init__(self, parameters: dict[str, Tensor]) -> None:
        self.parameters = parameters

    def state_dict(self) -> dict[str, Any]:
        """Collect them: live tensors."""
        return dict(self.parameters)

    def load_state_dict(self, given: dict[str, Any]) -> None:
        """Put their values back, in place.

        Raises:
            ValueError: others were saved, or some of another shape.
        """
        shapes = {name: tuple(one.shape) for name, one in self.parameters.items()}
        saved = {name: tuple(one.shape) for name, one in given.items()}
        if shapes != saved:
            raise ValueError(f"parameters of no module: saved {saved}, here {shapes}")
        with torch.no_grad():
            for name, one in self.parameters.items():
                one.copy_(given[name])


def loose(optimizer: Any, owners: Mapping[str, Any]) -> Loose | None:
    """Find the parameters of an optimizer that none of the ``owners`` has; None if there are none.

    Args:
        optimizer: one, several, or one that is wrapped.
        owners: modules and plain tensors, by name; others own nothing.
    """
    names = names_of(owners)
    held = {id(one) for one in owners.values() if isinstance(one, Tensor)}
    found: dict[str, Tensor] = {}
    for label, one in single(optimizer).items():
        for name, parameter in _named(one, {}):
            if id(parameter) not in names and id(parameter) not in held:
                found[f"{label}: {name}" if label else name] = parameter
    return Loose(found) if found else None


def _clean(name: str) -> str:
    return name.replace("_orig_mod.", "")


def single(optimizer: Any) -> dict[str, Any]:
    """Take several optimizers apart; one that stands alone has no name."""
    inner = core(optimizer)
    if not isinstance(inner, Together):
        return {"": inner}
    labels = inner.names or [str(place) for place in range(len(inner.optimizers))]
    return dict(zip(labels, inner.optimizers, strict=True))


def optimizer_state(optimizer: Any, names: Names) -> dict[str, Any]:
    """Collect the options of the groups and the state of each parameter: live tensors."""
    return {label: _state(one, names) for label, one in single(optimizer).items()}


def _state(optimizer: Any, names: Names) -> dict[str, Any]:
    named = dict(_named(optimizer, names))
    by_id = {id(parameter): name for name, parameter in named.items()}
    groups = [
        {key: value for key, value in group.items() if key != "params"}
        | {"params": [by_id[id(p)] for p in group["params"]]}
        for group in optimizer.param_groups
    ]
    held: Any = getattr(optimizer, "state", {})
    state = {by_id[id(key)]: value for key, value in held.items() if id(key) in by_id}
    others = {str(key): value for key, value in held.items() if not isinstance(key, Tensor)}
    return {
        "class": type(optimizer).__name__,
        "groups": groups,
        "state": {name: _plain(entry) for name, entry in state.items()},
        "moved": {name: _moved(entry) for name, entry in state.items()},
        "others": others,
        "more": _more(optimizer),
    }


def _plain(entry: Any) -> dict[str, Any]:
    # Its type is torch's (defaultdict(dict) and its like); what is in it is what counts.
    return dict(entry)


def _moved(entry: Any) -> list[str]:
    return [key for key, value in entry.items() if _accelerated(value)]


def _more(optimizer: Any) -> dict[str, Any]:
    """Collect what an optimizer of another hand adds to its ``state_dict``."""
    if not hasattr(optimizer, "state_dict") or _is_torchs(optimizer):
        return {}
    known = ("state", "param_groups")
    return {key: value for key, value in optimizer.state_dict().items() if key not in known}


def _is_torchs(optimizer: Any) -> bool:
    return getattr(type(optimizer), "state_dict", None) is Optimizer.state_dict


def _named(optimizer: Any, names: Names) -> Iterator[tuple[str, Any]]:
    for number, group in enumerate(optimizer.param_groups):
        for place, parameter in enumerate(group["params"]):
            yield names.get(id(parameter), f"group {number}, parameter {place}"), parameter


def load_optimizer_state(
    optimizer: Any, given: dict[str, Any], names: Names, *, strict: bool = True
) -> None:
    """Load what ``optimizer_state`` collected: by name, every tensor in the type that it had.

    Raises:
        ValueError: other optimizers, groups or parameters; nothing was loaded then.
    """
    own = single(optimizer)
    problems = _listed(own, given)
    for label, one in own.items():
        if label in given:
            problems += _compared(label, one, given[label], names)
    if problems and strict:
        raise ValueError(
            "the saved state and the optimizer do not belong together\n  "
            + "\n  ".join(problems)
            + "\n  do: make the optimizer as it was when the state was saved"
        )
    for label, one in own.items():
        if label in given:
            _load(one, given[label], names)


def _listed(own: dict[str, Any], given: dict[str, Any]) -> list[str]:
    if list(own) == list(given):
        return []
    return [f"optimizers: saved {list(given)}, here {list(own)}"]


def _compared(label: str, optimizer: Any, given: Any, names: Names) -> list[str]:
    what = f"optimizer {label}: " if label else ""
    problems: list[str] = []
    if given["class"] != type(optimizer).__name__:
        problems.append(f"{what}saved {given['class']}, here {type(optimizer).__name__}")
    own = _state(optimizer, names)
    saved = [name for group in given["groups"] for name in group["params"]]
    here = [name for group in own["groups"] for name in group["params"]]
    problems += _some(f"{what}missing in what was saved", [n for n in here if n not in saved])
    problems += _some(f"{what}saved, and not here", [n for n in saved if n not in here])
    if not problems and len(given["groups"]) != len(own["groups"]):
        problems.append(f"{what}saved {len(given['groups'])} groups, here {len(own['groups'])}")
    return problems


def _some(what: str, names: list[str]) -> list[str]:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return [f"{what}: {', '.join(names[:8])}{more}"] if names else []


def _load(optimizer: Any, given: Any, names: Names) -> None:
    named = dict(_named(optimizer, names))
    if given["more"]:
        _load_more(optimizer, given["more"])
    for group, saved in zip(optimizer.param_groups, given["groups"], strict=False):
        _fill(group, {key: value for key, value in saved.items() if key != "params"})
    for name, parameter in named.items():
        entry = given["state"].get(name)
        if entry is None:
            optimizer.state.pop(parameter, None)
        else:
            there = given["moved"].get(name, [])
            optimizer.state[parameter] = {
                key: _placed(value, parameter.device if key in there else torch.device("cpu"))
                for key, value in entry.items()
            }
    for key, value in given["others"].items():
        optimizer.state[key] = value
    # A schedule warns unless the optimizer has stepped before it; in this process it may not.
    if isinstance(optimizer, Optimizer):
        optimizer._opt_called = True  # pyright: ignore


def _load_more(optimizer: Any, more: dict[str, Any]) -> None:
    # Its own state and groups go in as they are: what is loaded besides is what is wanted.
    whole = optimizer.state_dict()
    optimizer.load_state_dict(whole | more)


def _fill(group: dict[str, Any], options: dict[str, Any]) -> None:
    for key, value in options.items():
        held = group.get(key)
        if isinstance(held, Tensor) and isinstance(value, Tensor) and held.shape == value.shape:
            held.copy_(value)  # a compiled optimizer holds on to the tensor
        else:
            group[key] = value


def _placed(value: Any, device: torch.device) -> Any:
    """Put a nest of tensors, fresh from a file, on the device where it was."""
    if isinstance(value, Tensor):
        return value.to(device, copy=True)
    if isinstance(value, dict):
        return {key: _placed(part, device) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_placed(part, device) for part in value)  # pyright: ignore
    return value


def _accelerated(value: Any) -> bool:
    """Tell whether a nest holds a tensor that is not on the CPU, where a count of steps may be."""
    if isinstance(value, Tensor):
        return value.device.type != "cpu"
    parts: Any = value.values() if isinstance(value, dict) else value
    return isinstance(value, (dict, list, tuple)) and any(map(_accelerated, parts))
