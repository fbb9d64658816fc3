"""The first iteration looked at, and failures inside a step put into words: given, got, do."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812 (the name that every PyTorch program gives it)
from torch import Tensor, nn

from fivestep.arguments import describe
from fivestep.convert import leaves
from fivestep.loop import Moment, Step

# The losses whose demands are known. Exactly these: a subclass may ask for something else.
ELEMENTWISE: tuple[Any, ...] = (
    *(nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss, nn.BCELoss, nn.BCEWithLogitsLoss),
    *(F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss),
    *(F.binary_cross_entropy, F.binary_cross_entropy_with_logits),
)
BINARY: tuple[Any, ...] = (
    *(nn.BCELoss, nn.BCEWithLogitsLoss),
    *(F.binary_cross_entropy, F.binary_cross_entropy_with_logits),
)
PROBABLE: tuple[Any, ...] = (nn.BCELoss, F.binary_cross_entropy)
TAKES_PROBABILITIES: tuple[Any, ...] = (nn.CrossEntropyLoss, F.cross_entropy)
OVER_CLASSES: tuple[Any, ...] = (nn.CrossEntropyLoss, nn.NLLLoss, F.cross_entropy, F.nll_loss)


def look_at_prediction(
    prediction: Any, targets: Any, loss_fn: Any, all_targets: Any = None
) -> None:
    """Refuse a prediction and targets that the loss cannot take, or takes without a meaning.

    Args:
        prediction: what the model made of the first batch.
        targets: of the same batch.
        loss_fn: the loss that will be called; only torch's own are judged.
        all_targets: the targets of the whole data set, where they are in memory.

    Raises:
        TypeError, ValueError: given, got, do.
    """
    if prediction is None:
        raise TypeError("the model returned None\n  do: return the prediction at forward's end")
    kind = _kind(loss_fn)
    if kind not in ELEMENTWISE + OVER_CLASSES:
        return
    if not isinstance(prediction, Tensor):
        raise TypeError(
            f"the model returned {describe(prediction)}, and {_name(loss_fn)} takes one tensor\n"
            "  do: return only the prediction, or pick it: "
            f"loss_fn=lambda p, t: {_name(loss_fn)}(p[0], t)"
        )
    if not isinstance(targets, Tensor):
        raise TypeError(
            f"the targets are {describe(targets)}, and {_name(loss_fn)} takes one tensor\n"
            "  do: give one tensor of targets, or a loss_fn that takes several"
        )
    if kind in ELEMENTWISE:
        _check_elementwise(prediction, targets, loss_fn, binary=kind in BINARY)
    else:
        _check_classes(prediction, targets, loss_fn, all_targets)


def look_at_loss(loss: Any, loss_fn: Any) -> None:
    """Refuse a loss that backward cannot start from: no tensor, not a scalar, no graph.

    Raises:
        TypeError, ValueError: given, got, do.
    """
    if not isinstance(loss, Tensor):
        raise _no_tensor(loss, loss_fn)
    need_scalar(loss, loss_fn)
    if not loss.requires_grad:
        raise ValueError(
            "the loss has no graph behind it: backward would reach no parameter\n"
            "  do: look for .detach(), .data, .item(), .numpy(), argmax or no_grad between the "
            "model's parameters and the loss"
        )


def need_scalar(loss: Any, loss_fn: Any) -> None:
    """Refuse a loss that is not one number; where nothing is trained a plain one will do."""
    if not hasattr(loss, "__float__"):
        raise _no_tensor(loss, loss_fn)
    if isinstance(loss, Tensor) and loss.numel() != 1:
        raise ValueError(
            f"{_name(loss_fn)} returned shape {tuple(loss.shape)}, and a scalar was expected\n"
            "  do: reduction='mean', or .mean() at its end"
        )


def _no_tensor(loss: Any, loss_fn: Any) -> TypeError:
    return TypeError(
        f"{_name(loss_fn)} returned {describe(loss)}, and a scalar tensor was expected\n"
        "  do: return the tensor itself, not loss.item(), float(loss) or a tuple"
    )


def failure(error: Exception, after: Moment | None, batch: Any, model: Any) -> Exception:
    """Say what a failure inside a step means, where that can be told from the objects.

    Args:
        error: what was raised.
        after: the last moment before it, None if there was none in this iteration.
        batch: the ``(inputs, targets)`` it was raised on.
        model: the model.

    Returns:
        A new exception of the same kind with the words, or the same one with a note.
    """
    step = _following(after)
    inputs, targets = _pair_or_nothing(batch)
    words = (
        _device(error, inputs, targets, model)
        or _rows(error, inputs, model)
        or (_dtype(error, inputs, model) if step is Step.FORWARD else None)
        or _lone(error, inputs)
        or _features(error, inputs)
        or (_several(error, after) if step is Step.LOSS else None)
    )
    shapes = ", ".join(
        f"{name} {tuple(tensor.shape)} {tensor.dtype}".replace("torch.", "")
        for name, tensor in (*leaves(inputs, "inputs"), *leaves(targets, "targets"))
    )
    if words is None:
        error.add_note(f"in {step.value}, with {shapes or describe(batch)}")
        return error
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"{step.value} failed: {words[0]}\n  do: {words[1]}")


_NOTHING = object()


@contextmanager
def explained(model: Any, inputs: Any, targets: Any, prediction: Any = _NOTHING) -> Generator[None]:
    """Put a failure inside into words: of the forward, or of the loss if there is a prediction."""
    try:
        yield
    except Exception as error:
        moment = Moment(Step.FORWARD, 1, inputs, targets, prediction, None)
        after = None if prediction is _NOTHING else moment
        found = failure(error, after, (inputs, targets), model)
        if found is error:
            raise
        raise found from error


def _pair_or_nothing(batch: Any) -> tuple[Any, Any]:
    pair = isinstance(batch, (tuple, list)) and len(cast("list[Any]", batch)) == 2
    return cast("tuple[Any, Any]", tuple(batch)) if pair else (None, None)


def _check_elementwise(prediction: Tensor, targets: Tensor, loss_fn: Any, *, binary: bool) -> None:
    if prediction.shape != targets.shape:
        p, t = tuple(prediction.shape), tuple(targets.shape)
        raise ValueError(
            f"prediction {p} and targets {t}{_broadcast(prediction, targets)}, and "
            f"{_name(loss_fn)} compares element with element\n  do: make the shapes equal"
            + _reshape(prediction, targets)
        )
    if not targets.is_floating_point() and not targets.is_complex():
        raise TypeError(
            f"targets are {_type(targets)}, and {_name(loss_fn)} needs the prediction's "
            f"{_type(prediction)}\n  do: targets.to({prediction.dtype})"
        )
    if binary and targets.numel() and not bool(((targets >= 0) & (targets <= 1)).all()):
        low, high = float(targets.min()), float(targets.max())
        raise ValueError(
            f"targets lie between {low:g} and {high:g}, and {_name(loss_fn)} needs them between "
            "0 and 1\n  do: give 0.0 and 1.0 for two classes; CrossEntropyLoss takes more"
        )
    if _kind(loss_fn) in PROBABLE and not bool(((prediction >= 0) & (prediction <= 1)).all()):
        low, high = prediction.min().item(), prediction.max().item()
        raise ValueError(
            f"prediction lies between {low:g} and {high:g}, and {_name(loss_fn)} needs "
            "probabilities, 0 to 1\n  do: loss_fn = torch.nn.BCEWithLogitsLoss(), which takes the "
            "model's plain output"
        )


def _check_classes(prediction: Tensor, targets: Tensor, loss_fn: Any, all_targets: Any) -> None:
    if prediction.ndim < 2 or prediction.shape[1] == 1:
        raise ValueError(
            f"prediction {tuple(prediction.shape)} has one logit for each sample, and "
            f"{_name(loss_fn)} compares classes: its loss would always be 0\n"
            "  do: give the last layer one output per class, or take BCEWithLogitsLoss"
        )
    alike = targets.shape == prediction.shape
    if alike and targets.is_floating_point() and _kind(loss_fn) in TAKES_PROBABILITIES:
        return
    expected = (prediction.shape[0], *prediction.shape[2:])
    if tuple(targets.shape) != expected:
        hint = "targets.squeeze(1)" if targets.shape[1:] == (1,) else f"the shape {expected}"
        hint = "targets.argmax(1), if they are one-hot" if alike else hint
        raise ValueError(
            f"targets {tuple(targets.shape)} and prediction {tuple(prediction.shape)} do not "
            f"belong together: {_name(loss_fn)} takes one class index per sample\n  do: {hint}"
        )
    if targets.dtype not in (torch.int64, torch.uint8):
        raise TypeError(
            f"targets are {_type(targets)}, and {_name(loss_fn)} needs class indices of int64\n"
            "  do: targets.long()"
        )
    _check_range(all_targets if isinstance(all_targets, Tensor) else targets, prediction, loss_fn)


def _check_range(targets: Tensor, prediction: Tensor, loss_fn: Any) -> None:
    counted = targets[targets != getattr(loss_fn, "ignore_index", -100)]
    classes = prediction.shape[1]
    if counted.numel() and not bool(((counted >= 0) & (counted < classes)).all()):
        raise ValueError(
            f"targets lie between {int(counted.min())} and {int(counted.max())}, and the model "
            f"gives {classes} classes, 0 to {classes - 1}\n"
            "  do: count the classes from 0, and give the last layer one output for each"
        )


def _broadcast(prediction: Tensor, targets: Tensor) -> str:
    try:
        return f" broadcast to {tuple(torch.broadcast_shapes(prediction.shape, targets.shape))}"
    except RuntimeError:
        return " do not fit"


def _reshape(prediction: Tensor, targets: Tensor) -> str:
    if prediction.shape[:-1] == targets.shape and prediction.shape[-1] == 1:
        return ": targets.unsqueeze(-1)"
    if targets.shape[:-1] == prediction.shape and targets.shape[-1] == 1:
        return ": targets.squeeze(-1)"
    return ""


def _following(after: Moment | None) -> Step:
    steps = list(Step)
    if after is None or after.step is Step.UPDATE:
        return Step.FORWARD
    return steps[steps.index(after.step) + 1]


Words = tuple[str, str] | None


def _device(error: Exception, inputs: Any, targets: Any, model: Any) -> Words:
    if "device" not in str(error) and "cuda" not in str(error):
        return None
    homes = {p.device for p in model.parameters()} if isinstance(model, nn.Module) else set()
    if len(homes) != 1:
        return None
    home = homes.pop()
    for name, tensor in (*leaves(inputs, "inputs"), *leaves(targets, "targets")):
        if tensor.device != home:
            return (
                f"{name} is on {tensor.device} and the model on {home}",
                f"put both on one device before: model.to({str(tensor.device)!r}), or the data "
                f".to({str(home)!r})",
            )
    return None


def _dtype(error: Exception, inputs: Any, model: Any) -> Words:
    if not isinstance(error, RuntimeError) or "type" not in str(error):
        return None
    parameters = model.parameters() if isinstance(model, nn.Module) else ()
    own = next((p.dtype for p in parameters if p.is_floating_point()), None)
    for name, tensor in leaves(inputs, "inputs"):
        if own is not None and tensor.dtype != own:
            return (
                f"{name} is {_type(tensor)} and the model's weights are {_type_name(own)}",
                f"give both one type: {name}.to({own})",
            )
    return None


def _lone(error: Exception, inputs: Any) -> Words:
    if "more than 1 value per channel" not in str(error):
        return None
    sizes = [tuple(tensor.shape) for _, tensor in leaves(inputs, "inputs")]
    return (
        f"BatchNorm cannot train on a batch of one sample (inputs {sizes})",
        "choose a batch_size that leaves no last batch of 1, or drop_last=True in the DataLoader",
    )


def _features(error: Exception, inputs: Any) -> Words:
    pattern = r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)"
    found = re.search(pattern, str(error))
    if found is None:
        return None
    rows, given, expected, outputs = found.groups()
    return (
        f"a layer was given {given} features ({rows} rows of them) and takes {expected}; "
        f"the inputs are {_shapes(inputs)}",
        f"make that layer Linear({given}, {outputs}), or give {expected} features",
    )


def _rows(error: Exception, inputs: Any, model: Any) -> Words:
    modules = model.modules() if isinstance(model, nn.Module) else ()
    rows = [m.num_embeddings for m in modules if isinstance(m, nn.Embedding)]
    for name, tensor in leaves(inputs, "inputs") if len(rows) == 1 else ():
        if "'indices'" in str(error) and tensor.is_floating_point():
            return (
                f"{name} is {_type(tensor)}, and the Embedding takes whole numbers",
                f"{name}.long()",
            )
        if isinstance(error, IndexError) and int(tensor.max()) >= rows[0]:
            return (
                f"{name} goes up to {int(tensor.max())}, and the Embedding has {rows[0]} rows, 0 "
                f"to {rows[0] - 1}",
                "give the Embedding one row for each number that may come",
            )
    return None


def _several(error: Exception, after: Moment | None) -> Words:
    if after is None or isinstance(after.prediction, Tensor):
        return None
    return (
        f"{error}; the model returned {describe(after.prediction)}",
        "return only the prediction, or pick it: loss_fn=lambda p, t: ...(p[0], t)",
    )


def _shapes(value: Any) -> str:
    return ", ".join(str(tuple(tensor.shape)) for _, tensor in leaves(value, "inputs"))


def _kind(loss_fn: Any) -> Any:
    # A loss is known by its class if it is a module, else by itself.
    return type(loss_fn) if isinstance(loss_fn, nn.Module) else loss_fn


def _name(loss_fn: Any) -> str:
    return getattr(loss_fn, "__name__", type(loss_fn).__name__)


def _type(tensor: Tensor) -> str:
    return _type_name(tensor.dtype)


def _type_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
