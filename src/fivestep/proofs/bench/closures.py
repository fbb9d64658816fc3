"""Functions that close over the model, copied with it: ``copy.deepcopy`` leaves them as they are.

minGPT's blocks keep ``self.mlpf = lambda x: m.c_proj(...)``: in a deep copy that goes on computing
with the original's layers.
"""

from __future__ import annotations

import types
from typing import Any

from torch import nn


def rebind(model: Any, memo: dict[int, Any]) -> None:
    """Let the functions that a copied model keeps as attributes use the copies."""
    if not isinstance(model, nn.Module):
        return
    for module in model.modules():
        held = vars(module)
        for name, value in list(held.items()):
            if (bound := rebound(value, memo)) is not value:
                held[name] = bound


def rebound(value: Any, memo: dict[int, Any]) -> Any:
    """Return ``value``, or the same function over the copies of what it closes over.

    Args:
        value: anything; only a plain function with a closure is changed.
        memo: of the ``copy.deepcopy`` that made the copies.
    """
    if not isinstance(value, types.FunctionType) or not value.__closure__:
        return value
    cells = [_cell(cell, memo) for cell in value.__closure__]
    if all(new is old for new, old in zip(cells, value.__closure__, strict=True)):
        return value
    made = types.FunctionType(
        value.__code__, value.__globals__, value.__name__, value.__defaults__, tuple(cells)
    )
    made.__kwdefaults__ = value.__kwdefaults__
    vars(made).update(vars(value))
    return made


def _cell(cell: types.CellType, memo: dict[int, Any]) -> types.CellType:
    try:
        held = cell.cell_contents
    except ValueError:  # not filled yet: a function that names itself, within its own making
        return cell
    copied = memo.get(id(held), held)
    if copied is held:
        copied = rebound(held, memo)
    return cell if copied is held else types.CellType(copied)
