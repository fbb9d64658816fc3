"""Who is who: a number for every model, parameter, optimizer, loader, schedule and state.

Objects are known by their ``id`` and held weakly, so that watching keeps nothing alive.
"""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import dis
import sys
import weakref
from collections.abc import Iterable
from types import CodeType
from typing import Any

import torch
from torch import nn

from fivestep.randomness import GENERATORS
from fivestep.vitals.facts import Site
from fivestep.vitals.measure import measurable, quietly, rows_alike
from fivestep.vitals.record import (
    LoaderFacts,
    ModelFacts,
    OptimizerFacts,
    ParameterFacts,
    Record,
    SchedulerFacts,
)

MODULES = 2000  # whose paths are written down, of one model
INITIAL = 4_000_000  # elements: a larger parameter is not looked at when first seen


def names_of(thing: Any, depth: int = 30) -> tuple[str, ...]:
    """What the program calls an object: variables bound to it in the frames that are running."""
    frame, names = sys._getframe(1), dict[str, None]()
    for _ in range(depth):
        spaces = [frame.f_locals, frame.f_globals]
        owner = frame.f_locals.get("self")
        if owner is not None and isinstance(getattr(owner, "__dict__", None), dict):
            spaces.append(vars(owner))
        for space in spaces:
            names |= {name: None for name, value in list(space.items()) if value is thing}
        if frame.f_back is None:
            break
        frame = frame.f_back
    return tuple(names)[:8]


class Names:
    """Numbers for objects of one sort: by identity, without keeping them alive."""

    def __init__(self) -> None:
        self._numbers: dict[int, tuple[weakref.ref[Any], int]] = {}
        self.next = 0

    def find(self, one: Any) -> int | None:
        """The number of an object that was seen before."""
        known = self._numbers.get(id(one))
        return known[1] if known is not None and known[0]() is one else None

    def add(self, one: Any) -> int:
        """Give an object the next number."""
        number, self.next = self.next, self.next + 1
        self._numbers[id(one)] = (weakref.ref(one), number)
        return number

    def alias(self, one: Any, number: int) -> int:
        """Know another object by a number that is taken already."""
        self._numbers[id(one)] = (weakref.ref(one), number)
        return number

    def living(self) -> Iterable[tuple[int, Any]]:
        """Every number with its object, if it still lives."""
        return [
            (number, one)
            for reference, number in list(self._numbers.values())
            if (one := reference()) is not None
        ]

    def get(self, number: int) -> Any:
        """The object with a number, if it still lives."""
        for reference, known in self._numbers.values():
            if known == number:
                return reference()
        return None


class Registry:
    """Everything in a run that has a name, written into its record."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.models, self.parameters, self.optimizers = Names(), Names(), Names()
        self.loaders, self.schedulers = Names(), Names()
        self.states = 0
        self._groups: dict[int, int] = {}  # optimizer -> parameters when last looked at

    def model(self, model: nn.Module, site: Site | None) -> int:
        """The number of an outermost model; its parameters are written down the first time."""
        number = self.models.find(model)
        if number is not None:
            return number
        number = self.models.add(model)
        plain = unwrap(model)
        owners = dict(plain.named_modules(remove_duplicate=True))
        self.record.models.append(
            ModelFacts(
                number=number,
                kind=type(plain).__name__,
                site=site,
                parameters=tuple(self._owned(number, owners)),
                modules=tuple((path, type(one).__name__) for path, one in owners.items())[:MODULES],
                compiled=type(model).__name__ == "OptimizedModule",
                ignored_flags=_ignored(owners),
                moody=tuple(sorted({type(one).__name__ for one in owners.values() if _moody(one)})),
            )
        )
        return number

    def refresh(self, number: int, model: nn.Module) -> None:
        """Look again at what a model says of itself (parameters are added and frozen in flight)."""
        owners = dict(unwrap(model).named_modules(remove_duplicate=True))
        facts = self.record.models[number]
        facts.parameters = tuple(self._owned(number, owners))
        facts.ignored_flags = _ignored(owners)

    def _owned(self, model: int, owners: dict[str, nn.Module]) -> Iterable[int]:
        for path, owner in owners.items():
            for name, parameter in owner.named_parameters(recurse=False, remove_duplicate=True):
                number = self.parameter(parameter)
                facts = self.record.parameters[number]
                facts.frozen_after |= facts.requires_grad and not parameter.requires_grad
                facts.requires_grad |= parameter.requires_grad
                if facts.model is None or not facts.owner:
                    facts.model, facts.owner = model, type(owner).__name__
                    facts.name = f"{path}.{name}" if path else name
                yield number

    def parameter(self, tensor: torch.Tensor) -> int:
        """The number of a parameter; its initial values are looked at the first time."""
        number = self.parameters.find(tensor)
        if number is not None:
            return number
        number = self.parameters.add(tensor)
        initial, equal, finite = _first_look(tensor)
        self.record.parameters.append(
            ParameterFacts(
                number=number,
                name=f"leaf{number}",
                shape=tuple(tensor.shape),
                dtype=str(tensor.dtype).removeprefix("torch."),
                device=str(tensor.device),
                requires_grad=tensor.requires_grad,
                model=None,
                owner="",
                optimizers=(),
                initial=initial,
                equal_rows=equal,
                finite=finite,
            )
        )
        return number

    def optimizer(self, optimizer: Any, site: Site | None) -> int:
        """The number of an optimizer."""
        number = self.optimizers.find(optimizer)
        if number is None:
            number = self._wrapped(optimizer)
        if number is None:
            number = self.optimizers.add(optimizer)
            self.record.optimizers.append(
                OptimizerFacts(number, type(optimizer).__name__, site, (), ())
            )
        self.hold(number, optimizer)
        return number

    def _wrapped(self, optimizer: Any) -> int | None:
        """The number of the one that it wraps, or that wraps it: the groups are the same list.

        Lightning clears through its wrapper and steps the one inside; SAM does both.
        """
        groups = getattr(optimizer, "param_groups", None)
        for number, known in self.optimizers.living():
            if groups is not None and getattr(known, "param_groups", None) is groups:
                self.record.optimizers[number].kind = _inner_kind(known, optimizer)
                return self.optimizers.alias(optimizer, number)
        return None

    def hold(self, number: int, optimizer: Any) -> None:
        """Write down what an optimizer holds, if that changed."""
        groups: list[dict[str, Any]] = getattr(optimizer, "param_groups", [])
        total = sum(len(group["params"]) for group in groups)
        if self._groups.get(number) == total:
            return
        self._groups[number] = total
        facts = self.record.optimizers[number]
        held = [self.parameter(one) for group in groups for one in group["params"]]
        facts.parameters = tuple(held)
        facts.groups = tuple(_options(group) for group in groups)
        for one in held:
            known = self.record.parameters[one]
            if number not in known.optimizers:
                known.optimizers = (*known.optimizers, number)

    def loader(self, loader: Any, site: Site | None) -> int:
        """The number of a DataLoader."""
        number = self.loaders.find(loader)
        if number is None:
            number = self.loaders.add(loader)
            self.record.loaders.append(_loader_facts(number, loader, site))
        return number

    def scheduler(self, scheduler: Any, site: Site | None) -> int:
        """The number of a learning-rate schedule."""
        number = self.schedulers.find(scheduler)
        if number is None:
            number = self.schedulers.add(scheduler)
            optimizer: Any = getattr(scheduler, "optimizer", None)
            held = self.optimizer(optimizer, site) if optimizer is not None else None
            self.record.schedulers.append(
                SchedulerFacts(
                    number,
                    type(scheduler).__name__,
                    held,
                    site,
                    _length(scheduler),
                    start=getattr(scheduler, "last_epoch", None),
                )
            )
        return number


def unwrap(model: nn.Module) -> nn.Module:
    """The user's model behind torch.compile, DataParallel, DDP and Fabric."""
    for _ in range(4):
        inner: Any = getattr(model, _WRAPPERS.get(type(model).__name__, ""), None)
        if not isinstance(inner, nn.Module):
            return model
        model = inner
    return model


_WRAPPERS = {
    "OptimizedModule": "_orig_mod",
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "_FabricModule": "_forward_module",
}


def _inner_kind(one: Any, other: Any) -> str:
    """Of an optimizer and its wrapper, what torch calls the one inside."""
    kinds = [type(one).__name__, type(other).__name__]
    return next((kind for kind in kinds if hasattr(torch.optim, kind)), kinds[0])


def dropout_rate(module: nn.Module) -> float | None:
    """The rate of a Dropout, or of the dropout inside an RNN or an attention."""
    rate: Any = getattr(module, "p", None)
    inside = isinstance(module, nn.RNNBase) and module.num_layers > 1
    if inside or isinstance(module, nn.MultiheadAttention):
        rate = module.dropout
    return float(rate) if isinstance(rate, (int, float)) else None


def _moody(module: nn.Module) -> bool:
    """Tell whether a module acts in train mode otherwise than in eval mode."""
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        return module.running_mean is not None
    inside = (nn.modules.dropout._DropoutNd, nn.RNNBase, nn.MultiheadAttention)
    return isinstance(module, inside) and bool(dropout_rate(module))


def kept_outside(model: nn.Module) -> dict[int, str]:
    """Leaves that a model keeps unregistered: id -> where, as in ``layers[1].weight``."""
    usual = set(vars(nn.Module()))
    found: dict[int, str] = {}
    for path, module in unwrap(model).named_modules():
        for name, value in vars(module).items():
            if name not in usual:
                _leaves_in(value, f"{path}.{name}" if path else name, found, 3)
    return found


def _leaves_in(value: Any, path: str, found: dict[int, str], depth: int) -> None:
    if isinstance(value, torch.Tensor):
        if value.requires_grad and value.is_leaf:
            found.setdefault(id(value), path)
    elif isinstance(value, nn.Module):
        for name, one in value.named_parameters():
            found.setdefault(id(one), f"{path}.{name}")
    elif depth and isinstance(value, (list, tuple)):
        for place, one in enumerate(value[:256]):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            _leaves_in(one, f"{path}[{place}]", found, depth - 1)
    elif depth and isinstance(value, dict):
        for key, one in list(value.items())[:256]:  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            _leaves_in(one, f"{path}[{key!r}]", found, depth - 1)
    elif depth and hasattr(value, "__dict__") and not isinstance(value, type):
        for name, one in list(vars(value).items())[:256]:
            _leaves_in(one, f"{path}.{name}", found, depth - 2 if depth > 1 else 0)


def _ignored(owners: dict[str, nn.Module]) -> tuple[str, ...]:
    return tuple(path for path, one in owners.items() if one.__dict__.get("requires_grad") is False)


def _first_look(tensor: torch.Tensor) -> tuple[tuple[float, float] | None, bool, bool]:
    plain = tensor.data if type(tensor) is nn.Parameter else tensor
    big = tensor.numel() == 0 or tensor.numel() > INITIAL
    if big or not measurable(plain) or isinstance(tensor, nn.UninitializedParameter):
        return None, False, True
    if tensor.device.type != "cpu":  # asking would wait for the device
        return None, False, True
    with quietly():
        low, high = (float(one) for one in torch.aminmax(tensor.detach()))
        equal = rows_alike(tensor)
    return (low, high), equal, low - low == 0 and high - high == 0


def _options(group: dict[str, Any]) -> dict[str, float]:
    options: dict[str, float] = {}
    for name, value in group.items():
        if isinstance(value, (int, float)):
            options[name] = float(value)
        elif isinstance(value, tuple) and name == "betas":
            options |= {f"beta{i}": float(one) for i, one in enumerate(value, 1)}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return options


def _length(scheduler: Any) -> int | None:
    for name in ("total_steps", "T_max", "step_size", "total_iters", "T_0"):
        value = getattr(scheduler, name, None)
        if isinstance(value, int):
            return value
    milestones: Any = getattr(scheduler, "milestones", None) or getattr(
        scheduler, "_milestones", None
    )
    return max(milestones) if milestones else None


def _loader_facts(number: int, loader: Any, site: Site | None) -> LoaderFacts:
    sampler = getattr(loader, "sampler", None)
    batcher = getattr(loader, "batch_sampler", None)
    inner = getattr(batcher, "sampler", None) or sampler
    kind = type(inner).__name__
    return LoaderFacts(
        number=number,
        site=site,
        dataset=type(loader.dataset).__name__,
        dataset_identity=id(loader.dataset),
        length=_size(loader),
        samples=_size(loader.dataset),
        batch_size=getattr(loader, "batch_size", None),
        sampler=kind,
        shuffles=kind not in ("SequentialSampler", "_InfiniteConstantSampler", "NoneType")
        and getattr(inner, "shuffle", True) is not False,
        distributed=hasattr(inner, "set_epoch"),
        sampler_epochs=(),
        workers=int(getattr(loader, "num_workers", 0)),
        worker_init=getattr(loader, "worker_init_fn", None) is not None,
        drop_last=bool(getattr(loader, "drop_last", False)),
        generators=_drawn(_innermost(loader.dataset)),
        names=names_of(loader),
        seeded_alike=_seeded_alike(loader),
    )


def _size(sized: Any) -> int | None:
    try:
        return len(sized)
    except (TypeError, NotImplementedError):
        return None


_RESEEDING = (
    "get_worker_info",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_state",
    "setstate",
    "spawn",
)


def _innermost(dataset: Any) -> Any:
    """The data set behind ``Subset`` and ``random_split``."""
    for _ in range(4):
        inner = getattr(dataset, "dataset", None) if type(dataset).__name__ == "Subset" else None
        if inner is None:
            return dataset
        dataset = inner
    return dataset


def _drawn(dataset: Any) -> tuple[str, ...]:
    """Attributes of a data set that are random generators and are used where it makes a sample.

    Empty where it seeds anything there: it takes care of that itself.
    """
    used = _names_used(dataset)
    if used & set(_RESEEDING):
        return ()
    attributes: dict[str, Any] = getattr(dataset, "__dict__", {})
    return tuple(
        name for name, value in attributes.items() if isinstance(value, GENERATORS) and name in used
    )


def _names_used(dataset: Any) -> set[str]:
    """What the methods that make a sample name, and the methods of its own that these call."""
    kind, used, near = type(dataset), set[str](), ["__getitem__", "__getitems__", "__iter__"]
    seen = set[str]()
    while near:
        name = near.pop()
        code = getattr(getattr(kind, name, None), "__code__", None)
        if name not in seen and code is not None:
            seen.add(name)
            for one in (code, *(c for c in code.co_consts if isinstance(c, CodeType))):
                used |= set(one.co_names)
                near += one.co_names
    return used


def _seeded_alike(loader: Any) -> bool:
    """``worker_init_fn`` seeds without looking at the worker, and the data set draws from that."""
    code = getattr(getattr(loader, "worker_init_fn", None), "__code__", None)
    if code is None or not {"seed", "manual_seed"} & set(code.co_names):
        return False
    looks = {one.argval for one in dis.get_instructions(code) if one.opname.startswith("LOAD_FAST")}
    if looks & set(code.co_varnames[: code.co_argcount]):
        return False
    if {"get_worker_info", "initial_seed", "getpid", "time", "urandom"} & set(code.co_names):
        return False
    return bool(
        {"random", "rand", "randn", "randint", "uniform", "normal"}
        & _names_used(_innermost(loader.dataset))
    )
