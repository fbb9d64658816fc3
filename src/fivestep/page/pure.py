"""Whether a model or a loss may be asked again without anybody noticing.

A ``print`` in its forward, a hook, a list of the script's own that grows would tell. What is not
known to be harmless is not asked; the words that come back say why.
"""
# To look into code from outside is the work of this file.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportPrivateUsage=false

from __future__ import annotations

import builtins
import dis
import types
from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import nn
from torch.nn.modules import module as nn_module

from fivestep.page.values import class_name

HARMLESS = frozenset({
    "abs", "all", "any", "bool", "dict", "divmod", "enumerate", "float", "int", "isinstance",
    "len", "list", "max", "min", "pow", "range", "reversed", "round", "set", "sorted", "str",
    "sum", "super", "tuple", "zip", "RuntimeError", "ValueError", "TypeError", "AssertionError",
    "NotImplementedError",
})  # fmt: skip
_TELLS = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "IMPORT_NAME", "DELETE_ATTR"})
_TORCH = ("torch.nn.modules.", "torch.nn.parameter")
_PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device, torch.Size)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")


def why_not(asked: nn.Module) -> str:
    """Why a module cannot be asked again unnoticed; "" if it can."""
    if any(getattr(nn_module, f"_global{name}") for name in _HOOKS):
        return "a hook hears every model"
    for one in nn.Module.modules(asked):
        if words := _why_not(one):
            return f"{class_name(type(one))}: {words}"
    return ""


def _why_not(module: nn.Module) -> str:
    held = vars(module)
    if any(held.get(name) for name in _HOOKS):
        return "a hook hears it"
    if type(module).__module__.startswith(_TORCH):
        return "its forward was replaced" if "forward" in held else ""
    if type(module).__module__.startswith("torch."):
        return "it is compiled, distributed or changed by torch"
    odd = [name for name, value in held.items() if not _is_plain(value)]
    return f"it holds {odd[0]}, which may notice" if odd else _code_of(type(module))


def _code_of(kind: type) -> str:
    own = [one for one in kind.__mro__ if not one.__module__.startswith(("torch.", "builtins"))]
    functions = {name: value for one in reversed(own) for name, value in vars(one).items()}
    seen: set[Any] = set()
    for name in ("forward", "__call__", "__getattr__", "__getattribute__"):
        if name in functions:
            if name != "forward":
                return f"it has a {name} of its own"
            if words := _function(functions[name], functions, seen):
                return words
    return "" if "forward" in functions else "its forward was not found"


def _function(function: Any, methods: dict[str, Any], seen: set[Any]) -> str:
    if isinstance(function, (staticmethod, classmethod)):
        function = cast("Any", function).__func__
    if isinstance(function, property):
        function = function.fget
    if not isinstance(function, types.FunctionType):
        return "" if isinstance(function, _PLAIN) else "its forward is no plain function"
    if function in seen or function.__module__.startswith("torch."):
        return ""
    seen.add(function)
    if function.__closure__ and set(function.__code__.co_freevars) - {"__class__"}:
        return "its forward looks at variables around it"
    for code in _codes(function.__code__):
        if words := _read(code, function, methods, seen):
            return words
    return ""


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            yield from _codes(one)


def _read(
    code: types.CodeType, function: types.FunctionType, methods: dict[str, Any], seen: set[Any]
) -> str:
    for line in dis.get_instructions(code):
        if line.opname in _TELLS and line.argval != "__class__":
            return f"its forward changes {line.argval}"
        if line.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            if words := _global(line.argval, function, methods, seen):
                return words
        elif line.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            method = methods.get(line.argval)
            if method is not None and (words := _function(method, methods, seen)):
                return words
    return ""


def _global(
    name: str, function: types.FunctionType, methods: dict[str, Any], seen: set[Any]
) -> str:
    if name not in function.__globals__:
        known = name in HARMLESS or not hasattr(builtins, name)  # one unknown would have failed
        return "" if known else f"its forward calls {name}"
    value = function.__globals__[name]
    if isinstance(value, types.ModuleType):
        harmless = value.__name__.partition(".")[0] in ("torch", "math")
        return "" if harmless else f"its forward uses the module {value.__name__}"
    if isinstance(value, types.FunctionType):
        return _function(value, methods, seen)
    if isinstance(value, type):
        return "" if issubclass(value, nn.Module) else f"its forward makes {class_name(value)}"
    if isinstance(value, types.BuiltinFunctionType) and _is_torchs(value):
        return ""
    return "" if isinstance(value, _PLAIN) else f"its forward looks at {name}"


def _is_torchs(value: Any) -> bool:
    home = getattr(value, "__module__", None) or type(getattr(value, "__self__", None)).__module__
    return str(home).partition(".")[0] in ("torch", "math")


def _is_plain(value: Any, depth: int = 0) -> bool:
    if isinstance(value, (nn.Module, torch.Tensor, *_PLAIN)):
        return not isinstance(value, torch.jit.ScriptModule)
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
        return _is_torchs(value)
    if isinstance(value, (list, tuple, set, frozenset)) and depth < 3:
        return all(_is_plain(one, depth + 1) for one in cast("Any", value))
    if isinstance(value, dict) and depth < 3:
        return all(_is_plain(one, depth + 1) for one in cast("Any", value).values())
    return False
