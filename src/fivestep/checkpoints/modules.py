"""What a module consists of: parameters, buffers (those it does not save, too), extra state."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from fivestep.unwrapped import clean_state, load_clean_state, unwrapped


def module_state(module: nn.Module) -> dict[str, Any]:
    """Collect the state of a module under clean names: live tensors.

    ``"silent"`` holds the buffers that the module's own ``state_dict`` leaves out
    (``persistent=False``): who computes with them needs them, too.
    """
    return {"state": clean_state(module), "silent": _silent(module)}


def load_module_state(module: nn.Module, given: dict[str, Any], *, strict: bool = True) -> None:
    """Load what ``module_state`` collected, in place.

    Raises:
        ValueError: names are missing or too many, or shapes or types differ; nothing was loaded.
    """
    _begin_buffers(module, given["state"])
    own = clean_state(module)
    state = dict(given["state"])
    if not strict:
        fitting = {n: v for n, v in state.items() if n in own and not _difference(own[n], v)}
        state = own | fitting
    _need_types(module, own, state)
    load_clean_state(module, state)
    _load_silent(module, given["silent"])


def module_parts(module: nn.Module) -> dict[str, str]:
    """Say for each name of the state what kind of tensor it is: ``"float32 (3, 4)"``."""
    return {name: kind_of(value) for name, value in clean_state(module).items()}


def kind_of(value: Any) -> str:
    """Describe a tensor by its type and shape; other things by their type."""
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"


def _difference(own: Any, given: Any) -> bool:
    return isinstance(own, Tensor) and kind_of(own) != kind_of(given)


def _need_types(module: nn.Module, own: dict[str, Any], given: dict[str, Any]) -> None:
    changed = [
        f"{name} {kind_of(value)}, not {kind_of(own[name])}"
        for name, value in given.items()
        if isinstance(own.get(name), Tensor)
        and isinstance(value, Tensor)
        and own[name].dtype != value.dtype
    ]
    if changed:
        more = f" and {len(changed) - 8} more" if len(changed) > 8 else ""
        raise ValueError(
            f"the saved state and {type(unwrapped(module)).__name__} do not belong together\n"
            f"  of another type: {', '.join(changed[:8])}{more}\n"
            "  do: build the model as it was when the state was saved"
        )


def _owners(module: nn.Module) -> dict[str, tuple[nn.Module, str]]:
    """Find the buffers that are not saved: their name, their module and its name for them."""
    inner: nn.Module = unwrapped(module)
    return {
        f"{path}.{name}" if path else name: (part, name)
        for path, part in inner.named_modules()
        for name in sorted(part._non_persistent_buffers_set)  # pyright: ignore[reportPrivateUsage]
    }


def _begin_buffers(module: nn.Module, given: dict[str, Any]) -> None:
    """Make room for buffers that are None or empty until a first forward gives them a shape."""
    inner: nn.Module = unwrapped(module)
    for path, part in inner.named_modules():
        for own, held in part._buffers.items():  # pyright: ignore[reportPrivateUsage]
            value = given.get(f"{path}.{own}" if path else own)
            if isinstance(value, Tensor) and (held is None or not held.numel()):
                device = value.device if held is None else held.device
                part._buffers[own] = value.to(device, copy=True)  # pyright: ignore


def _silent(module: nn.Module) -> dict[str, Any]:
    return {name: part._buffers[own] for name, (part, own) in _owners(module).items()}  # pyright: ignore


def _load_silent(module: nn.Module, given: dict[str, Any]) -> None:
    for name, (part, own) in _owners(module).items():
        if name in given:
            _put(part._buffers, own, given[name])  # pyright: ignore[reportPrivateUsage]


def _put(buffers: dict[str, Tensor | None], name: str, value: Tensor | None) -> None:
    held = buffers[name]
    if held is None or value is None or kind_of(held) != kind_of(value):
        buffers[name] = value
        return
    with torch.no_grad():
        held.copy_(value)
