"""What a training keeps outside of what is saved: attributes, variables, generators, positions.

Each value is found by a path that is the same in another process: from model, loss, optimizer and
data through attributes, containers, variables around a function and those of the user's modules.
"""

from __future__ import annotations

import enum
import functools
import io
import itertools
import sys
import types
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from torch import Tensor, nn

from fivestep.attach.wrapping import Wrapping
from fivestep.checkpoints.codec import Tensors, UnsaveableError, encode
from fivestep.checkpoints.fragments import copied
from fivestep.checkpoints.seeds import states_of
from fivestep.checkpoints.walk import attributes, names_of, plain_function
from fivestep.proofs.rehearsal.leaves import (
    DEEPEST,
    DIGESTED_BYTES,
    LONGEST,
    NESTS,
    PLAIN,
    Leaf,
    count_bytes,
    count_values,
    digest_of,
    hashed,
    is_users,
    key_of,
    short,
)  # fmt: skip
from fivestep.randomness import GENERATORS

LARGEST_BYTES = 2**20  # of one tensor that is kept
MOST = 20_000  # values, in all
PARTS = 200  # of a container of objects that are looked into
_TORCHS = {*vars(nn.Module()), "training"} - {"_buffers", "_modules"}
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_optimizer_step_pre_hooks",
          "_optimizer_step_post_hooks")  # fmt: skip
_SAVED = ("state", "param_groups", "defaults")  # of an optimizer
_UNSEEN = (AttributeError, NotImplementedError, OSError, RuntimeError, TypeError, ValueError)


class Walk:
    """Goes through all that can be reached, each thing once."""

    def __init__(self, roots: dict[str, Any]) -> None:
        self.leaves: dict[str, Leaf] = {}
        self.owners: dict[str, Any] = {}
        self.tensors: Tensors = {}
        self._met: dict[int, Any] = {}
        self._depth = 0
        self.owners[""] = roots
        for name, value in roots.items():
            self._look("", "item", name, value, name)

    def _look(self, owner: str, how: str, name: str, value: Any, title: str) -> None:
        if isinstance(value, nn.Parameter) or self._depth > DEEPEST or len(self.leaves) > MOST:
            return
        if isinstance(value, enum.Enum):
            plain = value.value if isinstance(value, enum.Flag) else value.name
            self._leaf(owner, how, name, title, value, plain)
            return
        if isinstance(value, PLAIN):
            self._leaf(owner, how, name, title, value, value)
            return
        if id(value) in self._met:
            return
        self._met[id(value)] = value  # held, so that no other gets its id
        self._depth += 1
        try:
            self._open(owner, how, name, value, title)
        except _UNSEEN:  # it does not let itself be looked at
            return
        finally:
            self._depth -= 1

    def _open(self, owner: str, how: str, name: str, value: Any, title: str) -> None:
        if isinstance(value, Tensor) or type(value) is np.ndarray:
            self._leaf(owner, how, name, title, value, value)
        elif isinstance(value, GENERATORS):
            self._leaf(owner, how, name, title, value, states_of([value])[0])
        elif isinstance(value, itertools.count):
            made = repr(cast("Any", value))[6:-1].split(", ")
            self._leaf(owner, how, name, title, value, tuple(int(one) for one in made))
        elif isinstance(value, io.IOBase):
            self._file(owner, how, name, title, value)
        elif isinstance(value, types.GeneratorType):
            self._running(owner, how, name, title, value)
        elif hasattr(value, "__length_hint__") and hasattr(value, "__next__"):
            self._leaf(owner, how, name, title, value, None, said=f"{value.__length_hint__()} left")
        elif isinstance(value, types.FunctionType):
            self._function(value)
        elif isinstance(value, types.MethodType):
            self._function(value.__func__)
            self._look(owner, how, f"{name}.__self__", value.__self__, f"{title}.__self__")
        elif isinstance(value, functools.partial):
            self._partial(owner, name, title, cast("Any", value))
        elif isinstance(value, NESTS):
            self._nest(owner, how, name, title, cast("Any", value))
        elif isinstance(value, type):
            if is_users(_file_of(value)):
                self._class(value)
        elif isinstance(value, Wrapping):
            self._look(owner, how, f"{name}.inner", value.inner, title)
        elif type(value).__module__.startswith("fivestep."):
            return  # what fit hangs on meanwhile; it is saved
        elif attributes(value) and not isinstance(value, types.ModuleType):
            self._object(owner, how, name, title, value)

    def _leaf(
        self, owner: str, how: str, name: str, title: str, value: Any, plain: Any, said: str = "",
    ) -> None:  # fmt: skip
        key = key_of(owner, how, name)
        kept, digest = None, said
        if not said:
            kept, digest = self._kept(key, plain)
        order = str(list(value))[:2000] if isinstance(value, (set, frozenset)) else ""
        self.leaves[key] = Leaf(owner, how, name, title, digest, order, said or short(value), kept)

    def _kept(self, key: str, plain: Any) -> tuple[Any, str]:
        if isinstance(plain, Tensor) and plain.nbytes > LARGEST_BYTES:
            return None, digest_of(plain)
        if isinstance(plain, np.ndarray) and plain.nbytes > LARGEST_BYTES:
            return None, hashed(np.ascontiguousarray(plain).data.cast("B")[:DIGESTED_BYTES])
        held: Tensors = {}
        written = encode(plain, key, held)
        parts = [f"{name} {digest_of(one)}" for name, one in held.items()]
        if isinstance(plain, (set, frozenset)):
            text = str(sorted(map(repr, cast("set[Any]", plain))))
        else:
            text = repr(written)
        self.tensors |= {name: copied(one) for name, one in held.items()}
        return written, hashed(f"{text} {parts}".encode())

    def _nest(self, owner: str, how: str, name: str, title: str, value: Any) -> None:
        if type(value) is tuple and any(isinstance(one, (Tensor, np.ndarray)) for one in value):
            pass  # its tensors are put back in place: whoever else holds them sees it, too
        elif count_values(value) <= LONGEST and count_bytes(value) <= LARGEST_BYTES:
            try:
                encode(value, "", {})
            except UnsaveableError:
                pass
            else:
                self._leaf(owner, how, name, title, value, value)
                return
        elif all(isinstance(one, PLAIN) for one in itertools.islice(value, 10)):
            said = hashed(repr(cast("Any", value)).encode())
            self._leaf(owner, how, name, title, value, None, said=f"{len(value)} values {said}")
            return
        if isinstance(value, (set, frozenset)):
            return
        path = key_of(owner, how, name)
        self.owners[path] = value
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in itertools.islice(list(pairs), PARTS):
            self._look(path, "item", repr(key), one, f"{title}[{key!r}]")

    def _object(self, owner: str, how: str, name: str, title: str, value: Any) -> None:
        path = key_of(owner, how, name)
        self.owners[path] = value
        parts = attributes(value)
        if isinstance(value, nn.Module):
            self._module(path, title, value, parts)
        skipped: set[str] = set()
        if hasattr(value, "param_groups") and hasattr(value, "step"):
            skipped = {
                one for one in parts if one in _SAVED or one.startswith(("_zero_", "_optim"))
            }
        for key, one in parts.items():
            inner = isinstance(value, nn.Module) and key in {*_TORCHS, "_buffers", "_modules"}
            if key in _HOOKS:
                for hook in one.values():
                    self._look(path, "hook", key, hook, f"{title}.{key}")
            elif key not in skipped and not inner:
                self._look(path, "attribute", key, one, f"{title}.{key}")
        if is_users(_file_of(type(value))):
            self._class(type(value))

    def _module(self, path: str, title: str, value: nn.Module, held: dict[str, Any]) -> None:
        for key, one in held["_buffers"].items():
            if one is not None:
                self._look(path, "buffer", key, one, f"{title}.{key}")
        for key, one in held["_modules"].items():
            if one is not None:
                self._look(path, "module", key, one, f"{title}.{key}")

    def _class(self, kind: type) -> None:
        path = f"class {kind.__module__}.{kind.__qualname__}"
        if path in self.owners:
            return
        self.owners[path] = kind
        for name, value in list(vars(kind).items()):
            if name in ("__dict__", "__weakref__", "__doc__", "__module__", "__qualname__"):
                continue
            if name.startswith("__") and not isinstance(plain_function(value), types.FunctionType):
                continue
            self._look(path, "class", name, plain_function(value), f"{kind.__qualname__}.{name}")
        for base in kind.__bases__:
            if is_users(_file_of(base)):
                self._class(base)

    def _function(self, function: types.FunctionType) -> None:
        code = function.__code__
        if not is_users(code.co_filename):
            return
        path = f"function {function.__module__}.{function.__qualname__}"
        if path in self.owners:
            path = f"{path} {code.co_firstlineno}"
        self.owners[path] = function
        around = zip(code.co_freevars, function.__closure__ or (), strict=True)
        for name, cell in around:
            try:
                self._look(path, "variable", name, cell.cell_contents, _around(name, function))
            except ValueError:  # not filled yet
                continue
        for name, value in vars(function).items():
            self._look(path, "attribute", name, value, f"{function.__qualname__}.{name}")
        for place, default in enumerate(function.__defaults__ or ()):
            self._look(
                path, "default", str(place), default, f"a default of {function.__qualname__}"
            )
        for name, default in (function.__kwdefaults__ or {}).items():
            self._look(
                path, "keyword", name, default, f"{name}, a default of {function.__qualname__}"
            )
        self._globals(function, names_of(code))

    def _globals(self, function: types.FunctionType, names: Sequence[str]) -> None:
        for name in names:
            if name not in function.__globals__ or name.startswith("__"):
                continue
            value = function.__globals__[name]
            if isinstance(value, types.ModuleType):
                self._of_module(value, names)
            else:
                self._global(function.__globals__, name, value)

    def _of_module(self, module: types.ModuleType, names: Sequence[str]) -> None:
        if not is_users(getattr(module, "__file__", None)):
            return
        for name in names:
            if name in vars(module) and not isinstance(vars(module)[name], types.ModuleType):
                self._global(vars(module), name, vars(module)[name])

    def _global(self, held: dict[str, Any], name: str, value: Any) -> None:
        module = held.get("__name__", "")
        path = f"module {module}"
        self.owners[path] = held
        if isinstance(value, (types.FunctionType, type)):
            self._look(path, "global", name, value, name)
            return
        self._look(path, "global", name, value, f"{name}, a variable of the module {module}")

    def _partial(self, owner: str, name: str, title: str, value: Any) -> None:
        path = key_of(owner, "partial", name)
        self.owners[path] = value
        self._look(path, "partial", "func", value.func, f"{title}.func")
        for place, one in enumerate(value.args):
            self._look(path, "partial", str(place), one, f"{title}.args[{place}]")
        for key, one in value.keywords.items():
            self._look(path, "partial", key, one, f"{title}.keywords[{key!r}]")

    def _file(self, owner: str, how: str, name: str, title: str, value: Any) -> None:
        try:
            place = value.tell()
        except (OSError, ValueError):
            return
        self._leaf(owner, how, name, f"the position of the file {title}", value, place)

    def _running(self, owner: str, how: str, name: str, title: str, value: Any) -> None:
        frame = value.gi_frame
        if frame is not None and is_users(frame.f_code.co_filename):
            plain = {k: v for k, v in frame.f_locals.items() if isinstance(v, PLAIN)}
            said = f"at line {frame.f_lineno}, {plain!r:.80}"
            self._leaf(owner, how, name, title, value, None, said=said)


def _file_of(kind: Any) -> str | None:
    return getattr(sys.modules.get(getattr(kind, "__module__", "")), "__file__", None)


def _around(name: str, function: types.FunctionType) -> str:
    return f"{name}, a variable around {function.__qualname__.rpartition('.')[2]}"
