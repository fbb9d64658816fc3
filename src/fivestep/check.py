"""What can be told before the first update: mistakes in the options, the objects and the data.

Every message says what was given, what was expected, and what to do.
"""

from __future__ import annotations

import math
import os
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from fivestep.arguments import describe
from fivestep.attach.accumulate import Accumulated
from fivestep.attach.average import needs_reestimation
from fivestep.attach.precision import Scaled
from fivestep.attach.schedule import Shape
from fivestep.batches import Batches, TensorBatches
from fivestep.convert import leaves
from fivestep.counts import need_count, need_seed
from fivestep.durations import Duration, Lengths, duration
from fivestep.finite import first_nonfinite
from fivestep.live.start import missing

CHOICES: dict[str, tuple[Any, ...]] = {
    "mode": (None, "min", "max"),
    "nonfinite": ("stop", "raise", "skip", "back"),
    "precision": ("float32", "bfloat16", "float16"),
}
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def numbers(*, seed: Any, min_delta: Any, **optional: Any) -> None:
    """Refuse what is no number of its kind: counts of at least 1, a seed and a delta from 0 on."""
    need_seed(seed)
    for name, value in optional.items():
        if value is not None:
            need_count(name, value)
    real = isinstance(min_delta, (int, float)) and not isinstance(min_delta, bool)
    if not real or not math.isfinite(min_delta) or min_delta < 0:
        raise ValueError(
            f"min_delta={min_delta!r} was given, and a finite number of at least 0 was expected\n"
            "  do: min_delta=0.0 counts every improvement"
        )


def words(**given: Any) -> None:
    """Refuse a word that is not among the choices of its option."""
    for name, value in given.items():
        if value not in CHOICES[name]:
            listed = ", ".join(map(repr, CHOICES[name]))
            raise ValueError(f"{name}={value!r} was given\n  do: choose one of {listed}")


def flags(**given: Any) -> None:
    """Refuse what is neither True nor False."""
    for name, value in given.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name}={value!r} was given\n  do: choose True or False")


def model(value: Any) -> None:
    """Refuse what is no model: a class, None, a model whose shapes are not yet known."""
    if isinstance(value, type):
        raise TypeError(
            f"model is the class {value.__name__}, and an instance was expected\n"
            f"  do: model = {value.__name__}(...)"
        )
    if not callable(value):
        raise TypeError(
            f"model is {describe(value)}, and an nn.Module or another callable was expected\n"
            "  do: pass the model itself"
        )
    lazy = [n for n, p in _named_parameters(value) if isinstance(p, UninitializedParameter)]
    if lazy:
        raise ValueError(
            f"model has parameters without a shape yet: {_some(lazy)} (lazy modules)\n"
            "  do: call the model once on a batch, and make the optimizer after that"
        )


def loss_fn(value: Any) -> None:
    """Refuse what is no loss: a class instead of an instance, a name."""
    if isinstance(value, type):
        raise TypeError(
            f"loss_fn is the class {value.__name__}, and an instance or a function was expected\n"
            f"  do: loss_fn = {value.__name__}()"
        )
    if not callable(value):
        raise TypeError(
            f"loss_fn is {describe(value)} ({value!r}), and a callable (prediction, targets) was "
            "expected\n  do: loss_fn = torch.nn.MSELoss(), for example"
        )


def optimizer(value: Any, of_model: Any) -> None:
    """Refuse what is no optimizer, or one that holds nothing of the model that could learn."""
    if isinstance(value, type):
        raise TypeError(
            f"optimizer is the class {value.__name__}, and an instance was expected\n"
            f"  do: optimizer = {value.__name__}(model.parameters(), lr=...)"
        )
    if not all(hasattr(value, name) for name in ("step", "zero_grad", "param_groups")):
        raise TypeError(
            f"optimizer is {describe(value)} ({value!r:.60}), and a torch.optim.Optimizer was "
            "expected\n  do: optimizer = torch.optim.SGD(model.parameters(), lr=0.01)"
        )
    held = [p for group in value.param_groups for p in group["params"]]
    if not held:
        raise ValueError(
            "optimizer holds no parameters\n"
            "  do: make it with the model's: torch.optim.SGD(model.parameters(), lr=0.01)"
        )
    if not any(p.requires_grad for p in held):
        raise ValueError(
            f"none of the optimizer's {len(held)} parameters requires a gradient: all are frozen\n"
            "  do: parameter.requires_grad_(True) for those that should learn"
        )
    own = {id(p) for _, p in _named_parameters(of_model)}
    if own and not any(id(p) in own for p in held):
        raise ValueError(
            f"optimizer holds {len(held)} parameters, and none of them is one of the model's "
            f"{len(own)}\n"
            "  do: make the optimizer after the model, from model.parameters(), and make it anew "
            "whenever the model is made anew or copied"
        )


def bare(of_optimizer: Any) -> None:
    """Refuse an optimizer with a window or a scale of its own: ``fit`` has to steer them itself."""
    for kind, option in ((Accumulated, "accumulate=4"), (Scaled, "precision='float16'")):
        if isinstance(of_optimizer, kind):
            raise TypeError(
                f"optimizer is {kind.__name__}, and one as torch.optim makes it was expected: fit "
                "counts windows and scales gradients itself\n"
                f"  do: pass the optimizer inside it, and {option}"
            )


def run_length(epochs: Any, length: Any) -> Duration:
    """Read how long to train, from exactly one of the two.

    Raises:
        TypeError: neither or both, or ``epochs`` is no ``int``.
        ValueError: none or less, or a part of the run, which is what is being said.
    """
    if length is None:
        need_count("epochs", epochs)
        return Duration(epochs, "epoch")
    if epochs is not None:
        raise TypeError(
            f"epochs={epochs!r} and length={length!r} were given, and both say how long to train\n"
            "  do: leave one of them out"
        )
    found = duration(length, "length", unit="epoch")
    if found.unit == "run":
        raise ValueError(
            f"length={length!r} was given, which measures the run by itself\n"
            "  do: length='500 updates', for example"
        )
    return found


def schedule(value: Any, of_optimizer: Any) -> None:
    """Refuse what is no learning-rate schedule, or one of another optimizer."""
    if value is None or isinstance(value, Shape):
        return
    if not isinstance(value, (LRScheduler, ReduceLROnPlateau)):
        raise TypeError(
            f"schedule is {describe(value)} ({value!r:.60}), and a torch.optim.lr_scheduler was "
            "expected\n  do: schedule = fivestep.cosine(), or StepLR(optimizer, 10) of "
            "torch.optim.lr_scheduler"
        )
    inner: Any = getattr(of_optimizer, "inner", None)  # of several, any one
    known = [of_optimizer, *(cast("Any", inner) if isinstance(inner, tuple) else [inner])]
    if not any(cast("Any", value).optimizer is one for one in known):
        raise ValueError(
            "schedule steers another optimizer than the one given\n"
            "  do: make the schedule with the optimizer that you pass to fit"
        )


def enough_steps(value: Any, every: Duration, lengths: Lengths) -> None:
    """Refuse a schedule that would end, with an exception, before the training does."""
    total = getattr(value, "total_steps", None)  # OneCycleLR's name for them
    if not isinstance(total, int):
        return
    steps = _times(every, lengths)
    if steps is not None and total < steps:
        raise ValueError(
            f"schedule has total_steps={total}, and this training makes {steps} "
            f"(schedule_every='{every}')\n  do: total_steps={steps}"
        )


def reached(name: str, every: Duration | None, lengths: Lengths) -> None:
    """Refuse an interval that the whole training is shorter than."""
    if every is None or _times(every, lengths) != 0:
        return
    if every.unit == "epoch":
        raise ValueError(
            f"{name}='{every}' was given, and this training lasts {lengths.run}\n"
            f"  do: {name}='1 epoch', or a part of one"
        )
    updates = lengths.in_updates(Duration(1, "run"))
    raise ValueError(
        f"{name}='{every}' was given, and this training makes {updates} updates in all\n"
        f"  do: {name}='{max(updates // 10, 1)} updates', for example"
    )


def _times(every: Duration, lengths: Lengths) -> int | None:
    """Count how often something is due in the whole run; None where that is not known."""
    run = lengths.run
    if run is not None and run.unit == every.unit == "epoch" and isinstance(every.amount, int):
        return int(run.amount // every.amount)
    try:
        return lengths.in_updates(Duration(1, "run")) // lengths.in_updates(every)
    except ValueError:
        return None


def restorable(of_model: Any, *, restore_best: bool) -> None:
    """Refuse to promise the best weights of a model that has no state to put back."""
    if restore_best and not isinstance(of_model, nn.Module):
        raise ValueError(
            f"restore_best was given with a model {describe(of_model)}, which has no state_dict\n"
            "  do: make the model an nn.Module, or leave restore_best out"
        )


def average(value: Any) -> None:
    """Refuse what is neither a share to keep nor ``"equal"``."""
    if value is None or value == "equal":
        return
    if not isinstance(value, float) or not 0 <= value < 1:
        raise ValueError(
            f"average={value!r} was given, and a share of the old average to keep, from 0 to below "
            "1, or 'equal' was expected\n  do: average=0.999, for example"
        )


def again(name: str, option: Any, of_model: Any, data: Any, *, within: bool) -> None:
    """Refuse data that cannot be gone through once more, for the statistics of BatchNorm."""
    if option is None or not needs_reestimation(of_model):
        return
    repeatable("train", data, math.inf)
    if within and getattr(data, "persistent_workers", False):
        raise ValueError(
            f"{name} has to go through train once more for BatchNorm's statistics, and a loader "
            "with persistent_workers cannot be within an epoch\n"
            "  do: leave validate_every out, or persistent_workers"
        )


def record(value: Any) -> None:
    """Refuse what is no path."""
    if value is not None and not isinstance(value, (str, os.PathLike)):
        raise TypeError(
            f"record={value!r} is of type {type(value).__name__}, and a path was expected\n"
            "  do: record='runs', a directory, where every run gets a file of its own"
        )


def page(value: Any) -> None:
    """Refuse what is no choice, and a page that cannot be served, before anything is trained."""
    if not (isinstance(value, bool) or value == "open"):
        raise ValueError(
            f"page={value!r} was given; True, False or 'open' was expected\n"
            "  do: page=True prints the address, page='open' opens the browser, too"
        )
    if value and (words := missing()):
        raise ImportError(f"page={value!r}: {words}")


def saving(checkpoint: Any, *, seed: int | None, max_minutes: Any) -> None:
    """Refuse checkpoints of an order that cannot be made again, and a deadline without them."""
    if checkpoint is not None and seed is None:
        raise ValueError(
            "checkpoint was given with seed=None, and the order of the samples could not be made "
            "again\n  do: seed=0, or any other number"
        )
    if checkpoint is None and max_minutes is not None:
        raise ValueError(
            f"max_minutes={max_minutes!r} was given without checkpoint, and what was trained till "
            "then would be lost\n  do: give checkpoint='DIR' as well"
        )


def going_back(back: Any, checkpoint: Any, optimizer: Any) -> None:
    """Refuse to go back where no state is kept, and where there is no rate to lower."""
    if back is not None and checkpoint is None:
        raise ValueError(
            "nonfinite='back' was given without checkpoint, and there is no state to go back to\n"
            "  do: give checkpoint='DIR' as well, or nonfinite='stop'"
        )
    hooked = hasattr(optimizer, "register_step_pre_hook")
    if back is not None and not (hooked and all("lr" in one for one in optimizer.param_groups)):
        raise ValueError(
            f"nonfinite='back' was given, and {type(optimizer).__name__} has no rate to lower\n"
            "  do: a torch.optim.Optimizer whose groups have 'lr', or nonfinite='stop'"
        )


def validation(value: Any, **needing: Any) -> None:
    """Refuse a share of the data where data is expected, and options that have nothing to use."""
    if isinstance(value, (int, float)):
        raise TypeError(
            f"validate={value!r} is a number, and data was expected\n"
            "  do: train, validate = fivestep.split(data, validation=0.2)"
        )
    for name, option in needing.items():
        if value is None and option is not None:
            raise ValueError(
                f"{name} was given without validate, and there is nothing to use it on\n"
                f"  do: give validate=(inputs, targets), or leave {name} out"
            )


def repeatable(name: str, data: Any, passes: float) -> None:
    """Refuse what can be gone through only once when it has to be gone through again."""
    if passes > 1 and hasattr(data, "__next__"):
        raise ValueError(
            f"{name} is a {type(data).__name__}, which is used up after one pass, and more than "
            "one is to be made\n"
            "  do: pass a list of its batches, a DataLoader, or an object whose __iter__ starts "
            "anew"
        )


def monitor(value: Any, metrics: dict[str, Any], *, validated: bool, needed: bool) -> str | None:
    """Find what tells which weights are best, or refuse what is not recorded.

    Args:
        value: as the user named it, or None.
        metrics: by name.
        validated: whether there is a validation.
        needed: whether something waits for it: patience, restore_best, a plateau schedule.
    """
    if value is None and validated:
        return "validation_loss"
    if value is None and needed:
        raise ValueError(
            "patience, restore_best and ReduceLROnPlateau need a value to watch, and there is no "
            "validation\n  do: give validate=(inputs, targets), or monitor='loss' for the "
            "training's own"
        )
    known = ["loss", *(f"validation_{name}" for name in ("loss", *metrics) if validated)]
    collection = any(hasattr(metric, "compute") for metric in metrics.values())
    if value is not None and value not in known and not collection:  # a collection names its own
        raise ValueError(f"monitor={value!r} was given\n  do: choose one of {known}")
    return value


def mode(value: str | None, monitored: str | None) -> str:
    """Tell whether less or more is better; of a metric, only its user knows."""
    if value is None and monitored not in (None, "loss", "validation_loss"):
        raise ValueError(
            f"monitor={monitored!r} was given without mode, and more or less may be better\n"
            "  do: mode='max' for an accuracy, mode='min' for an error"
        )
    return value or "min"


def no_nan(given: str, made: Batches, data: Any) -> None:
    """Refuse NaN in data that lies in memory, and say where the first one stands."""
    if not isinstance(made, TensorBatches):
        return
    names = ("inputs", "targets")
    originals: dict[str, Any] = dict(zip(names, data, strict=True)) if _is_pair(data) else {}
    for part, value in (("inputs", made.inputs), ("targets", made.targets)):
        for name, tensor in leaves(value, part):
            if tensor.is_meta:
                continue
            if tensor.is_floating_point() and bool(torch.isnan(tensor).any()):
                _refuse_nan(f"{given}: {name}", tensor, originals.get(name))


class LoneSample:
    """Watches the first forward, and refuses a last batch of one sample where BatchNorm fails.

    Only a BatchNorm that sees one value per sample and channel needs two samples; over images or
    sequences, or over time steps folded into rows, one will do. What each one sees is told by a
    hook that is gone after the first look.
    """

    def __init__(self, made: Batches, of_model: Any) -> None:
        self._count, self._size = made.cut or (0, 1)
        alone = self._count % self._size == 1
        modules = of_model.modules() if alone and isinstance(of_model, nn.Module) else ()
        norms = [m for m in modules if isinstance(m, BATCH_NORMS) and m.training]
        self._seen: list[nn.Module] = []
        self._hooks = [norm.register_forward_pre_hook(self._look) for norm in norms]

    def _look(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        value = args[0] if args else None
        if isinstance(value, Tensor) and value.ndim >= 2:
            rows = min(self._count, self._size)  # of the first batch
            if value.shape[0] == rows and value.numel() == rows * value.shape[1]:
                self._seen.append(module)

    def remove(self) -> None:
        """Take the hooks away."""
        for hook in self._hooks:
            hook.remove()

    def refuse(self) -> None:
        """Take the hooks away, and raise if one of them saw what will fail."""
        self.remove()
        if self._seen:
            raise ValueError(
                f"{self._count} samples in batches of {self._size} leave a last batch of 1, and "
                f"{type(self._seen[0]).__name__} needs at least 2 to train\n"
                f"  do: batch_size={self._size + 1}, or leave one sample out"
            )


def _refuse_nan(name: str, tensor: Tensor, original: Any) -> None:
    nan = tensor.isnan()
    _, position = first_nonfinite(torch.where(nan, tensor, 0)) or ("nan", ())
    columns: Any = getattr(original, "columns", None)
    where = f"{name}{list(position)}"
    if columns is not None and len(position) == 2:
        where = f"{name}, row {position[0]}, column {columns[position[1]]!r},"
    raise ValueError(
        f"{where} is NaN, the first of {int(nan.sum())} in {tensor.numel()} values\n"
        "  do: drop or fill these rows; data where NaN is meant goes through a DataLoader, which "
        "is not searched"
    )


def _is_pair(data: Any) -> bool:
    return isinstance(data, tuple) and len(cast("tuple[Any, ...]", data)) == 2


def _named_parameters(value: Any) -> list[tuple[str, nn.Parameter]]:
    return list(value.named_parameters()) if isinstance(value, nn.Module) else []


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
