"""The model inside its wrappers, and its weights under the names that its author gave them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from itertools import combinations
from typing import Any

from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.nn.parameter import is_lazy

WRAPPERS = ("_orig_mod", "module")  # what torch.compile and the parallel ones call their model


def unwrapped(model: Any) -> Any:
    """Peel ``torch.compile``, ``DataParallel`` and ``DistributedDataParallel`` off ``model``.

    Whatever else is given, a plain function too, comes back as it is.
    """
    while (name := _wraps(model)) is not None:
        model = getattr(model, name)
    return model


def clean_state(model: nn.Module) -> dict[str, Any]:
    """Collect ``model.state_dict()`` without the names of wrappers, wherever these sit.

    A wrapper is told by its type: an attribute of the user's own that is called ``module`` keeps
    its name.

    Returns:
        Name to value. The tensors are the live ones: they change as the training goes on.
    """
    return {_clean(model, key): value for key, value in model.state_dict().items()}


def load_clean_state(model: nn.Module, state: Mapping[str, Any]) -> None:
    """Load what ``clean_state``, or the ``state_dict`` of a model wrapped in any way, has saved.

    Args:
        model: may be wrapped itself, at the root or deeper.
        state: all that the model has, by name; no more and no less.

    Raises:
        ValueError: names are missing or too many, or shapes differ. Nothing was loaded then.
    """
    own = model.state_dict()
    raw = {_clean(model, key): key for key in own}
    given = _as_wanted(state, raw)
    problems = [
        *_listed("missing", [name for name in raw if name not in given]),
        *_listed("too many", [name for name in given if name not in raw]),
        *_listed("of another shape", _reshaped(given, {n: own[key] for n, key in raw.items()})),
    ]
    if problems:
        raise ValueError(
            f"the saved state and {type(unwrapped(model)).__name__} do not belong together\n"
            + "\n".join(problems)
            + "\n  do: build the model as it was when the state was saved"
        )
    model.load_state_dict({raw[name]: value for name, value in given.items()})


def _wraps(module: Any) -> str | None:
    if isinstance(module, (DataParallel, DistributedDataParallel)):
        return "module"
    # Importing torch._dynamo takes a second; where it is not loaded nothing is compiled.
    dynamo = sys.modules.get("torch._dynamo.eval_frame")
    return "_orig_mod" if dynamo and isinstance(module, dynamo.OptimizedModule) else None


def _clean(model: nn.Module, key: str) -> str:
    """Walk down the tree along ``key`` and leave out the steps from a wrapper to its model."""
    names: list[str] = []
    module: Any = model
    for name in key.split("."):
        if name != _wraps(module):
            names.append(name)
        module = _children(module).get(name)
    return ".".join(names)


def _children(module: Any) -> dict[str, Any]:
    # Not named_children: that leaves out the second name of a child that has two.
    return module._modules if isinstance(module, nn.Module) else {}  # pyright: ignore


def _as_wanted(state: Mapping[str, Any], wanted: Mapping[str, str]) -> dict[str, Any]:
    """Read the keys of ``state`` in the first way that gives the wanted names, else as they are.

    The tree that they were saved from is not here, so the names decide. All keys are read in one
    way before each is read in its own: ``module.weight`` is a name of its own or a wrapped one.
    """
    for reading in _readings(list(state), wanted):
        read = {reading(key): value for key, value in state.items()}
        if len(read) == len(state) and read.keys() == wanted.keys():
            return read
    return _peeled(state, wanted)


def _readings(keys: list[str], wanted: Mapping[str, str]) -> Iterator[Callable[[str], str]]:
    for depth in range(_common_depth(keys) + 1):
        yield lambda key, depth=depth: _fitting(_deeper(key, depth), wanted)


def _deeper(key: str, depth: int) -> str:
    return ".".join(key.split(".")[depth:])


def _common_depth(keys: list[str]) -> int:
    """Count the leading names of wrappers that all keys share."""
    depth = 0
    paths = [key.split(".") for key in keys]
    while paths and all(len(path) > depth + 1 for path in paths):
        if {path[depth] for path in paths} not in ({"module"}, {"_orig_mod"}):
            break
        depth += 1
    return depth


def _fitting(key: str, wanted: Mapping[str, str]) -> str:
    """Leave out as few names of wrappers as it takes for a wanted name; none if none fits."""
    path = key.split(".")
    places = [place for place, name in enumerate(path) if name in WRAPPERS]
    for count in range(len(places) + 1):
        for left_out in combinations(places, count):
            name = ".".join(part for place, part in enumerate(path) if place not in left_out)
            if name in wanted:
                return name
    return key


def _peeled(state: Mapping[str, Any], wanted: Mapping[str, str]) -> dict[str, Any]:
    # Nothing fits: for the message, take the depth at which the most names are known.
    depths = range(_common_depth(list(state)) + 1)
    read = [{_deeper(key, depth): value for key, value in state.items()} for depth in depths]
    return max(read, key=lambda one: len(one.keys() & wanted.keys()))


def _reshaped(given: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    pairs = [(name, value, own[name]) for name, value in given.items() if name in own]
    return [
        f"{name} {tuple(value.shape)}, not {tuple(mine.shape)}"
        for name, value, mine in pairs
        if isinstance(value, Tensor)
        and isinstance(mine, Tensor)
        and not is_lazy(mine)
        and value.shape != mine.shape
    ]


def _listed(what: str, names: list[str]) -> list[str]:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return [f"  {what}: {', '.join(names[:8])}{more}"] if names else []


def copy_of_state(model: nn.Module) -> dict[str, Any]:
    """Copy the state of a model: ``state_dict`` alone holds references to the live weights.

    The names are those of the bare model, whatever is wrapped around it.
    """
    return {
        key: value.detach().clone() if isinstance(value, Tensor) else deepcopy(value)
        for key, value in clean_state(model).items()
    }
