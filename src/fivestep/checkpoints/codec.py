"""Plain values as JSON with their tensors apart, and back, to the bit; never a pickle."""
# What is read here is checked by its own type, which is what the type checker cannot know.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fivestep.arguments import describe

Tensors = dict[str, Tensor]
# By name. A manifest may not reach for anything else of torch.
DTYPES = {str(one)[6:]: one for one in vars(torch).values() if isinstance(one, torch.dtype)}
DEEPEST = 100  # levels; what goes deeper goes round
_FACTORIES: dict[str, Any] = {"int": int, "float": float, "list": list, "dict": dict, "set": set}
_SEQUENCES: dict[str, Callable[[list[Any]], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "size": torch.Size,
}


class UnsaveableError(TypeError):
    """A value that is no plain one: only a pickle could hold it, and a pickle runs code."""


def encode(value: Any, where: str, tensors: Tensors) -> Any:
    """Turn a value into JSON; its tensors go into ``tensors`` under the place where they stand.

    Floats by their shortest exact text, whole numbers of any size, tuples, dicts with any keys of
    these kinds, NumPy arrays, and the plain containers of ``collections``. Types are told exactly:
    an object of a subclass is another thing.

    Raises:
        UnsaveableError: something else stands in it; where, what, and what to do.
    """
    if where.count("\n") > DEEPEST:
        raise _refusal(where, "a structure that contains itself, or is very deep")
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if abs(value) < 2**53 else {"$int": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"$float": str(value)}
    if isinstance(value, Tensor):
        return _tensor(value, where, tensors)
    if kind is np.ndarray or isinstance(value, np.generic):
        return _array(value, where, tensors)
    if kind is list:
        return _parts(value, where, tensors)
    if kind is dict:
        return _mapping(value, where, tensors)
    return _tagged(value, kind, where, tensors)


def _tagged(value: Any, kind: type, where: str, tensors: Tensors) -> Any:
    for name, made in _SEQUENCES.items():
        if kind is made:
            return {f"${name}": _parts(list(value), where, tensors)}
    if kind is deque:
        return {"$deque": _parts(list(value), where, tensors), "most": value.maxlen}
    if kind in (Counter, OrderedDict):
        return {f"${kind.__name__}": _items(value, where, tensors)}
    if kind is defaultdict:
        factory = [name for name, made in _FACTORIES.items() if value.default_factory is made]
        if factory or value.default_factory is None:
            return {
                "$defaultdict": _items(value, where, tensors),
                "of": factory[0] if factory else None,
            }
    if kind is bytes:
        return {"$bytes": value.hex()}
    if kind is complex:
        return {"$complex": [value.real.hex(), value.imag.hex()]}
    if kind is torch.dtype:
        return {"$dtype": str(value).removeprefix("torch.")}
    raise _refusal(where, describe(value))


def _tensor(value: Tensor, where: str, tensors: Tensors) -> Any:
    if type(value) not in (Tensor, torch.nn.Parameter, torch.nn.Buffer):
        raise _refusal(where, f"a {type(value).__name__}, a tensor of a kind of its own")
    if value.layout is torch.sparse_coo:
        return _sparse(value.detach(), where, tensors)
    if value.layout is not torch.strided or value.is_meta or value.is_quantized:
        raise _refusal(where, f"a tensor of layout {value.layout} on {value.device}")
    name = _unused(where, tensors)
    tensors[name] = value.detach()
    # A fused kernel goes through memory: a moment has to lie as its parameter does.
    permuted = not value.is_contiguous() and _fills(value.shape, value.stride())
    return {"$tensor": name} | ({"strides": list(value.stride())} if permuted else {})


def _sparse(value: Tensor, where: str, tensors: Tensors) -> Any:
    parts = [value._indices(), value._values()]  # pyright: ignore[reportPrivateUsage]
    held = [_tensor(part, f"{where}\n{place}", tensors) for place, part in enumerate(parts)]
    return {"$sparse": held, "shape": list(value.shape), "coalesced": value.is_coalesced()}


def _fills(shape: Any, strides: Any) -> bool:
    """Tell whether a tensor of these strides lies in its memory without a gap or an overlap."""
    reached = 1
    for stride, size in sorted(zip(strides, shape, strict=True)):
        if size != 1 and stride != reached:
            return False
        reached *= size
    return reached > 0


def _array(value: Any, where: str, tensors: Tensors) -> Any:
    array = np.ascontiguousarray(value)
    if array.dtype.hasobject or array.dtype.fields is not None:
        raise _refusal(where, f"a NumPy array of {array.dtype}")
    name, shape = _unused(where, tensors), list(np.shape(value))
    tensors[name] = torch.frombuffer(bytearray(array.tobytes()), dtype=torch.uint8) \
        if array.size else torch.zeros(0, dtype=torch.uint8)  # fmt: skip
    number = not isinstance(value, np.ndarray)
    return {"$array": name, "dtype": array.dtype.str, "shape": shape, "number": number}


def _parts(parts: list[Any], where: str, tensors: Tensors) -> list[Any]:
    return [encode(part, f"{where}\n{place}", tensors) for place, part in enumerate(parts)]


def _mapping(value: dict[Any, Any], where: str, tensors: Tensors) -> Any:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: encode(part, f"{where}\n{key}", tensors) for key, part in value.items()}
    return {"$dict": _items(value, where, tensors)}


def _items(value: Any, where: str, tensors: Tensors) -> list[Any]:
    return [
        [encode(key, f"{where}\nkey {place}", tensors), encode(part, f"{where}\n{key}", tensors)]
        for place, (key, part) in enumerate(value.items())
    ]


def _name(where: str) -> str:
    return where.replace("\n", "/")


def _unused(where: str, tensors: Tensors) -> str:
    # {"a": {"b": x}} and {"a/b": x} would get one name.
    name = _name(where)
    while name in tensors:
        name += "'"
    return name


def _refusal(where: str, what: str) -> UnsaveableError:
    place = _name(where)
    shown = place if len(place) <= 200 else f"{place[:100]}...{place[-80:]}"
    return UnsaveableError(
        f"checkpoint: {shown} is {what}, which no checkpoint can hold without a pickle\n"
        "  do: keep numbers, text, tensors, and lists, tuples and dicts of these there"
    )


def decode(value: Any, tensors: Tensors) -> Any:
    """Turn what ``encode`` has made back into the value.

    Raises:
        ValueError: it was not made by ``encode``.
    """
    if isinstance(value, list):
        return [decode(part, tensors) for part in value]
    if not isinstance(value, dict):
        return value
    tag = next(iter(value), "")
    if not tag.startswith("$"):
        return {key: decode(part, tensors) for key, part in value.items()}
    try:
        return _untagged(tag[1:], value[tag], value, tensors)
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(f"no value of a checkpoint: {tag} ({error!r})") from error


def _untagged(tag: str, held: Any, value: Any, tensors: Tensors) -> Any:
    if tag == "tensor":
        return _laid(tensors[held], value.get("strides"))
    if tag == "sparse":
        indices, values = (decode(part, tensors) for part in held)
        return torch.sparse_coo_tensor(
            indices, values, value["shape"], is_coalesced=value["coalesced"], check_invariants=True
        )
    if tag == "array":
        raw = tensors[held].numpy().tobytes()
        array = np.frombuffer(raw, dtype=np.dtype(value["dtype"])).reshape(value["shape"]).copy()
        return array[()] if value["number"] else array
    if tag in ("int", "float"):
        return int(held, 16) if tag == "int" else float(held)
    if tag == "complex":
        return complex(*map(float.fromhex, held))
    if tag == "bytes":
        return bytes.fromhex(held)
    if tag == "dtype":
        return DTYPES[held]
    if tag in _SEQUENCES:
        return _SEQUENCES[tag](decode(held, tensors))
    if tag == "deque":
        return deque(decode(held, tensors), value["most"])
    items = [(decode(key, tensors), decode(part, tensors)) for key, part in held]
    if tag == "defaultdict":
        of = value["of"]
        return defaultdict(None if of is None else _FACTORIES[of], items)
    return {"dict": dict, "Counter": _counter, "OrderedDict": OrderedDict}[tag](items)


def _laid(tensor: Tensor, strides: Any) -> Tensor:
    if strides is None:
        return tensor
    if not _fills(tensor.shape, strides):
        raise ValueError(f"no value of a checkpoint: strides {strides} of {tuple(tensor.shape)}")
    return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype).copy_(tensor)


def _counter(items: list[Any]) -> Counter[Any]:
    return Counter(dict(items))
