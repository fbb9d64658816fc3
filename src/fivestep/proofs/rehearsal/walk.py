"""What a training keeps outside of what is saved: attributes, variables, generators, positions.

Each value is found by a path that is the same in another process: from model, loss, optimizer and
data through attributes, containers, variables around a function and those of the user's modules.
"""

from __future__ import annotations

import functools
import hashlib
import io
import itertools
import sys
import sysconfig
import types
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from fivestep.attach.wrapping import Wrapping
from fivestep.checkpoints.codec import Tensors, UnsaveableError, decode, encode
from fivestep.checkpoints.fragments import copied
from fivestep.checkpoints.seeds import GENERATORS, set_states_of, states_of

LONGEST = 2000  # values of one container that are kept; of a longer one only what it comes to
LARGEST_BYTES = 2**20  # of one tensor that is kept
DIGESTED_BYTES = 2**25  # of one tensor that are looked at
PARTS = 200  # of a container of objects that are looked into
DEEPEST = 12
_PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.dtype)
_NESTS = (list, tuple, dict, set, frozenset, deque)
_TORCHS = {*vars(nn.Module()), "training"} - {"_buffers", "_modules"}
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_optimizer_step_pre_hooks",
          "_optimizer_step_post_hooks")  # fmt: skip
_SAVED = ("state", "param_groups", "defaults")  # of an optimizer
_FOREIGN = tuple(
    str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "purelib", "platlib")
) + (str(Path(__file__).resolve().parents[2]),)


class Leaf(NamedTuple):
    """One value, and where it stands."""

    owner: str  # the path of what holds it
    how: str  # it is held: attribute, item, variable, global, class, buffer, itself
    name: str  # in its owner
    title: str  # for people
    digest: str
    order: str  # of a set: the order in which it gives its values
    shown: str  # the value, short
    value: Any  # as ``encode`` writes it; None where it cannot be put back so


def is_users(file: str | None) -> bool:
    """Tell the user's own code from Python's, the packages' and ours."""
    return file is not None and _is_users(file)


@functools.cache
def _is_users(file: str) -> bool:
    if file.startswith("<"):
        return file.startswith(("<ipython", "<stdin"))
    path = str(Path(file).resolve())
    return not path.startswith(_FOREIGN) and "site-packages" not in path


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

    def put(self, leaf: Leaf, value: Any) -> None:
        """Put a value where it stood; what is not there any more is passed over."""
        owner = self.owners.get(leaf.owner)
        if owner is None:
            return
        here = self.leaves.get(_key(leaf.owner, leaf.how, leaf.name))
        old = _held(owner, leaf) if here is not None else None
        if isinstance(old, GENERATORS):
            set_states_of([old], [value])
        elif isinstance(old, io.IOBase):
            old.seek(value)
        elif isinstance(old, Tensor) and isinstance(value, Tensor) and old.shape == value.shape:
            with torch.no_grad():
                old.copy_(value)
        elif type(old) is type(value) and isinstance(old, (list, dict, set, deque)):
            _refill(cast("Any", old), value)
        elif isinstance(old, itertools.count):
            _set(owner, leaf, itertools.count(*value))
        else:
            _set(owner, leaf, value)

    def _look(self, owner: str, how: str, name: str, value: Any, title: str) -> None:
        if isinstance(value, nn.Parameter) or self._depth > DEEPEST:
            return
        if isinstance(value, _PLAIN) or type(value) is type:
            if isinstance(value, _PLAIN):
                self._leaf(owner, how, name, title, value, value)
            elif is_users(_file_of(value)):
                self._class(value)
            return
        if id(value) in self._met:
            return
        self._met[id(value)] = value  # held, so that no other gets its id
        self._depth += 1
        try:
            self._open(owner, how, name, value, title)
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
        elif isinstance(value, _NESTS):
            self._nest(owner, how, name, title, cast("Any", value))
        elif isinstance(value, type):
            self._class(value)
        elif isinstance(value, Wrapping):
            self._look(owner, how, f"{name}.inner", value.inner, title)
        elif type(value).__module__.startswith("fivestep."):
            return  # what fit hangs on meanwhile; it is saved
        elif hasattr(value, "__dict__") and not isinstance(value, types.ModuleType):
            self._object(owner, how, name, title, value)

    def _leaf(
        self, owner: str, how: str, name: str, title: str, value: Any, plain: Any, said: str = "",
    ) -> None:  # fmt: skip
        key = _key(owner, how, name)
        kept, digest = None, said
        if not said:
            kept, digest = self._kept(key, plain)
        order = str(list(value))[:2000] if isinstance(value, (set, frozenset)) else ""
        self.leaves[key] = Leaf(
            owner, how, name, title, digest, order, said or _short(value), kept
        )

    def _kept(self, key: str, plain: Any) -> tuple[Any, str]:
        if isinstance(plain, Tensor) and plain.nbytes > LARGEST_BYTES:
            return None, digest_of(plain)
        if isinstance(plain, np.ndarray) and plain.nbytes > LARGEST_BYTES:
            return None, _hashed(np.ascontiguousarray(plain).data.cast("B")[:DIGESTED_BYTES])
        held: Tensors = {}
        written = encode(plain, key, held)
        parts = [f"{name} {digest_of(one)}" for name, one in held.items()]
        if isinstance(plain, (set, frozenset)):
            text = str(sorted(map(repr, cast("set[Any]", plain))))
        else:
            text = repr(written)
        self.tensors |= {name: copied(one) for name, one in held.items()}
        return written, _hashed(f"{text} {parts}".encode())

    def _nest(self, owner: str, how: str, name: str, title: str, value: Any) -> None:
        if type(value) is tuple and any(isinstance(one, (Tensor, np.ndarray)) for one in value):
            pass  # its tensors are put back in place: whoever else holds them sees it, too
        elif _count(value) <= LONGEST and _bytes(value) <= LARGEST_BYTES:
            try:
                encode(value, "", {})
            except UnsaveableError:
                pass
            else:
                self._leaf(owner, how, name, title, value, value)
                return
        elif all(isinstance(one, _PLAIN) for one in itertools.islice(value, 10)):
            said = _hashed(repr(cast("Any", value)).encode())
            self._leaf(owner, how, name, title, value, None, said=f"{len(value)} values {said}")
            return
        if isinstance(value, (set, frozenset)):
            return
        path = _key(owner, how, name)
        self.owners[path] = value
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in itertools.islice(list(cast("Any", pairs)), PARTS):
            self._look(path, "item", repr(key), one, f"{title}[{key!r}]")

    def _object(self, owner: str, how: str, name: str, title: str, value: Any) -> None:
        path = _key(owner, how, name)
        self.owners[path] = value
        held = dict(vars(value))
        if isinstance(value, nn.Module):
            self._module(path, title, value, held)
        skipped: set[str] = set()
        if hasattr(value, "param_groups") and hasattr(value, "step"):
            skipped = {one for one in held if one in _SAVED or one.startswith(("_zero_", "_optim"))}
        for key, one in held.items():
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
            if isinstance(value, (staticmethod, classmethod)):
                value = cast("Any", value).__func__
            if isinstance(value, property):
                value = value.fget
            if name in ("__dict__", "__weakref__", "__doc__", "__module__", "__qualname__"):
                continue
            if name.startswith("__") and not isinstance(value, types.FunctionType):
                continue
            self._look(path, "class", name, value, f"{kind.__qualname__}.{name}")
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
        for place, value in enumerate(function.__defaults__ or ()):
            if not isinstance(value, _PLAIN):
                title = f"a default of {function.__qualname__}"
                self._look(path, "default", str(place), value, title)
        self._globals(function, _names(code))

    def _globals(self, function: types.FunctionType, names: list[str]) -> None:
        for name in names:
            if name not in function.__globals__ or name.startswith("__"):
                continue
            value = function.__globals__[name]
            if isinstance(value, types.ModuleType):
                self._of_module(value, names)
            else:
                self._global(function.__globals__, name, value)

    def _of_module(self, module: types.ModuleType, names: list[str]) -> None:
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
        path = _key(owner, "partial", name)
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
            plain = {k: v for k, v in frame.f_locals.items() if isinstance(v, _PLAIN)}
            said = f"at line {frame.f_lineno}, {plain!r:.80}"
            self._leaf(owner, how, name, title, value, None, said=said)


def digest_of(tensor: Tensor) -> str:
    """Hash type, shape and bits."""
    value = tensor.detach()
    if value.layout is not torch.strided:
        value = value.to_dense()
    value = value.resolve_conj().resolve_neg().reshape(-1)
    value = value[: max(1, DIGESTED_BYTES // max(1, value.element_size()))].contiguous().cpu()
    flat = value.view(torch.uint8).numpy() if value.numel() else np.zeros(0, np.uint8)
    return _hashed(f"{tensor.dtype} {tuple(tensor.shape)}".encode() + flat.tobytes())


def value_of(leaf: Leaf, tensors: Tensors) -> Any:
    """Make the value of a leaf that was kept."""
    return decode(leaf.value, {name: one.clone() for name, one in tensors.items()})


def _hashed(data: Any) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def _key(owner: str, how: str, name: str) -> str:
    return f"{owner}\t{how} {name}" if owner else name


def _short(value: Any) -> str:
    if isinstance(value, (Tensor, np.ndarray)):
        flat = value.reshape(-1)
        first = f"{flat[0].item():.6g}" if len(flat) and np.ndim(flat[0].item()) == 0 else "empty"
        return first if len(flat) == 1 else f"{first}, ... {tuple(value.shape)}"
    if isinstance(value, GENERATORS):
        return f"the state of a {type(value).__name__}"
    if isinstance(value, io.IOBase):
        return str(value.tell())
    return f"{cast('Any', value)!r:.60}"


def _file_of(kind: Any) -> str | None:
    return getattr(sys.modules.get(getattr(kind, "__module__", "")), "__file__", None)


def _names(code: types.CodeType) -> list[str]:
    inner = [one for const in code.co_consts if isinstance(const, types.CodeType)
             for one in _names(const)]  # fmt: skip
    return [*code.co_names, *inner]


def _around(name: str, function: types.FunctionType) -> str:
    return f"{name}, a variable around {function.__qualname__.rpartition('.')[2]}"


def _count(value: Any, depth: int = 0) -> int:
    """Count the values of a nest, as far as it matters."""
    if not isinstance(value, _NESTS) or depth > DEEPEST:
        return 1
    if len(value) > LONGEST:
        return len(value)
    parts: Any = value.values() if isinstance(value, dict) else value
    return sum(_count(one, depth + 1) for one in cast("Any", parts))


def _bytes(value: Any, depth: int = 0) -> int:
    if isinstance(value, (Tensor, np.ndarray)):
        return value.nbytes
    if not isinstance(value, _NESTS) or depth > DEEPEST:
        return 0
    parts: Any = value.values() if isinstance(value, dict) else value
    return sum(_bytes(one, depth + 1) for one in cast("Any", parts))


def _held(owner: Any, leaf: Leaf) -> Any:
    if leaf.how == "item":
        return owner.get(leaf.name) if not leaf.owner else _item(owner, leaf.name)[1]
    if leaf.how == "variable":
        return _cell(owner, leaf.name).cell_contents
    if leaf.how == "global":
        return owner.get(leaf.name)
    if leaf.how == "buffer":
        return owner._buffers.get(leaf.name)
    if leaf.how == "partial":
        if leaf.name.isdigit():
            return owner.args[int(leaf.name)]
        return owner.keywords.get(leaf.name)
    if leaf.how == "default":
        return owner.__defaults__[int(leaf.name)]
    return vars(owner).get(leaf.name)


def _item(owner: Any, name: str) -> tuple[Any, Any]:
    pairs: Any = owner.items() if isinstance(owner, dict) else enumerate(owner)
    for key, value in list(cast("Any", pairs)):
        if repr(key) == name:
            return key, value
    return None, None


def _cell(function: Any, name: str) -> types.CellType:
    return function.__closure__[function.__code__.co_freevars.index(name)]


def _set(owner: Any, leaf: Leaf, value: Any) -> None:
    if leaf.how == "item":
        key, _ = _item(owner, leaf.name)
        if key is not None and not isinstance(owner, tuple):
            owner[key] = value
    elif leaf.how == "variable":
        _cell(owner, leaf.name).cell_contents = value
    elif leaf.how == "global":
        owner[leaf.name] = value
    elif leaf.how == "buffer":
        owner._buffers[leaf.name] = value
    elif leaf.how in ("class", "attribute"):
        setattr(owner, leaf.name, value)


def _refill(old: Any, value: Any) -> None:
    old.clear()
    if isinstance(old, (dict, set)):
        old.update(value)
    else:
        old.extend(value)
