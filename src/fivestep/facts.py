"""What the loop of a run is made of, in plain values: enough to write it out again."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader

from fivestep.arguments import spread
from fivestep.attach.average import needs_reestimation
from fivestep.attach.schedule import Shape
from fivestep.attach.together import Together
from fivestep.batches import Batches, Order, TensorBatches
from fivestep.closure import demands_closure
from fivestep.convert import leaves
from fivestep.devices import device_of
from fivestep.durations import Duration, Lengths
from fivestep.feeds import Around
from fivestep.items import ByClass, by_class, reduction_of

Facts = dict[str, Any]

LOOKED_AT = 2**20  # targets: about 1 ms for these on one core, 0.7 s for 100 million


def facts_of(plan: Any) -> Facts:
    """Describe the loop of a ``Plan``, for the record; numbers, words, lists and dicts only."""
    return {
        "length": _length(plan),
        "train": _data(plan.train),
        "validation": None if plan.validate is None else _data(plan.validate),
        "validate_every": _every(plan.validate_every, plan.lengths),
        "model": _model(plan.model),
        "arguments": _arguments(plan),
        "optimizer": _optimizer(plan.optimizer, plan.model),
        "items": _items(plan),
        "sums": reduction_of(plan.loss_fn) == "sum",
        "schedule": _schedule(plan),
        "average": _average(plan),
        "streams": [name for name, one in plan.metrics.items() if _is_stream(one)],
        "forward": plan.forward is not None,
    }


def _is_stream(metric: Any) -> bool:
    return all(hasattr(metric, method) for method in ("update", "compute", "reset"))


def _length(plan: Any) -> list[Any]:
    if plan.epochs is not None:
        return ["epoch", plan.epochs]
    if plan.length.unit == "update":
        return ["update", int(plan.length.amount)]
    return ["iteration", plan.iterations]


def _original(made: Batches) -> Batches:
    while isinstance(made, Around):
        made = made.made
    return made


def _data(given: Batches) -> Facts:
    made = _original(given)
    if isinstance(made, TensorBatches):
        return {
            "kind": "memory",
            "batch_size": made.batch_size,
            "shuffle": made.order.shuffle,
            "inputs": _structure(made.inputs),
            "targets": _structure(made.targets),
        }
    loader: Any = made.source
    sampler = getattr(loader, "sampler", None)
    if isinstance(sampler, Order):
        size = loader.batch_size
        return {"kind": "dataset", "batch_size": size, "shuffle": sampler.shuffle}
    return {
        "kind": "loader" if isinstance(loader, DataLoader) else "iterable",
        "sized": _has_length(loader),
        "set_epoch": hasattr(sampler, "set_epoch"),
        "generator": _has_generator(loader),
    }


def _structure(value: Any) -> Any:
    """``"tensor"``, ``["tuple", n]``, ``["dict", n]``; None for nests of more than one level."""
    if isinstance(value, Tensor):
        return "tensor"
    parts = list(value.values()) if isinstance(value, dict) else list(value)
    flat = all(isinstance(part, Tensor) for part in parts)
    return [type(value).__name__, len(parts)] if flat else None


def _has_length(loader: Any) -> bool:
    try:
        return len(loader) > 0
    except TypeError:
        return False


def _has_generator(loader: Any) -> str | None:
    for name in ("generator", "sampler.generator"):
        owner = loader if name == "generator" else getattr(loader, "sampler", None)
        if isinstance(getattr(owner, "generator", None), torch.Generator):
            return name
    return None


def _every(interval: Duration | None, lengths: Lengths) -> list[Any] | None:
    if interval is None:
        return None
    if interval.unit in ("update", "iteration") or _whole_epochs(interval):
        return [interval.unit, int(interval.amount), 1]
    updates = lengths.exact_updates(interval)
    return ["update", updates.numerator, updates.denominator]


def _whole_epochs(interval: Duration) -> bool:
    return interval.unit == "epoch" and isinstance(interval.amount, int)


def _model(model: Any) -> Facts:
    if not isinstance(model, nn.Module):
        return {"module": False, "device": None, "buffers": False, "modes": False, "norms": False}
    device = device_of(model)
    return {
        "module": True,
        "device": None if device is None else str(device),
        "buffers": any(True for _ in model.buffers()),
        "modes": model.training and any(not part.training for part in model.modules()),
        "norms": needs_reestimation(model),
        "dtype": str(next((p.dtype for p in model.parameters()), None)).removeprefix("torch."),
    }


def _arguments(plan: Any) -> str:
    """How the inputs reach the model: as ``"one"`` argument, a ``"tuple"`` or a ``"dict"``."""
    made = _original(plan.train)
    if plan.forward is not None:
        return "one"
    if isinstance(made, TensorBatches):
        args, kwargs = spread(plan.model)(made.inputs)
        return "dict" if kwargs else "one" if args and args[0] is made.inputs else "tuple"
    names = _positional(plan.model)  # what a loader brings is not known before it is asked
    return "tuple" if names is not None and len(names) > 1 else "one"


def _positional(model: Any) -> list[str] | None:
    """The parameters that a call has to fill; None where that is not known, or any number fits."""
    try:
        parameters = inspect.signature(getattr(model, "forward", model)).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        return None
    return [p.name for p in parameters if p.default is p.empty and p.kind is not p.KEYWORD_ONLY]


def _optimizer(optimizer: Any, model: Any) -> Facts:
    held = [p for group in optimizer.param_groups for p in group["params"]]
    own = list(model.parameters()) if isinstance(model, nn.Module) else []
    together = isinstance(optimizer, Together)
    return {
        "several": together,
        "classes": [type(one).__name__ for one in (optimizer.inner if together else [optimizer])],
        "closure": demands_closure(optimizer),
        "whole": len(held) == len(own) and all(a is b for a, b in zip(held, own, strict=True)),
        "narrow": any(p.is_floating_point() and p.itemsize < 4 for p in held),
    }


def _items(plan: Any) -> Facts:
    """What the mean of a batch's loss is over: samples, targets by class, or the user's count."""
    if plan.items is not None:
        return {"kind": "own"}
    options = by_class(plan.loss_fn)
    targets = _targets(plan)
    if options is None or plan.forward is not None or targets == "other":
        return {"kind": "samples"}
    return {
        "kind": "classes",
        "ignore_index": options.ignore_index,
        "ignored": _ignored(plan, options),
        "row": targets,  # 1 where each sample has one target, None where that is not known
        "weight": None if options.weight is None else _place(plan.loss_fn),
    }


def _place(loss_fn: Any) -> str:
    return 'loss_fn.keywords["weight"]' if isinstance(loss_fn, partial) else "loss_fn.weight"


def _in_memory(plan: Any) -> list[Any] | None:
    """The targets of training and validation where they all lie in memory."""
    sets = [_original(made) for made in (plan.train, plan.validate) if made is not None]
    found = [made.targets for made in sets if isinstance(made, TensorBatches)]
    return found if len(found) == len(sets) else None


def _targets(plan: Any) -> Any:
    found = _in_memory(plan)
    if found is None:
        return None
    if not all(isinstance(one, Tensor) and not one.is_floating_point() for one in found):
        return "other"
    return max(one.ndim for one in found)


def _ignored(plan: Any, options: ByClass) -> bool:
    """Tell whether some target may be left out: nobody knows of a loader, or of very many."""
    found = _in_memory(plan)
    if found is None:
        return True
    tensors = [tensor for one in found for _, tensor in leaves(one, "targets")]
    if sum(tensor.numel() for tensor in tensors) > LOOKED_AT:  # each fit would wait for the answer
        return True
    return any(bool((tensor == options.ignore_index).any()) for tensor in tensors)


def _schedule(plan: Any) -> Facts | None:
    given, every = plan.schedule, plan.schedule_every
    if given is None:
        return None
    if isinstance(given, ReduceLROnPlateau):
        return {"kind": "plateau"}
    interval = ["epoch", int(every.amount)]
    if not plan.by_epoch:
        interval = ["update", plan.lengths.in_updates(every)]
    if not isinstance(given, Shape):
        return {"kind": "own", "class": type(given).__name__, "every": interval}
    warmup = 0 if given.warmup is None else plan.lengths.in_updates(given.warmup)
    run = Duration(1, "run")
    total = None if given.kind == "constant" else plan.lengths.in_updates(run)
    shape = {"kind": given.kind, "warmup": warmup, "total": total, "lowest": given.lowest}
    return shape | {"every": interval}


def _average(plan: Any) -> Facts | None:
    if plan.average is None:
        return None
    every = plan.lengths.in_updates(plan.average_every)
    if isinstance(plan.average, float):
        return {"decay": plan.average, "start": 0, "every": every}
    return {"decay": None, "start": plan.lengths.in_updates(plan.average_start), "every": every}
