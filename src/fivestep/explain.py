"""The first iteration looked at, and failures inside a step put into words: given, got, do."""

from __future__ import annotations

from typing import Any

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
    kind = loss_fn if callable(loss_fn) and not isinstance(loss_fn, nn.Module) else type(loss_fn)
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
        raise TypeError(
            f"{_name(loss_fn)} returned {describe(loss)}, and a scalar tensor was expected\n"
            "  do: return the tensor itself, not loss.item(), float(loss) or a tuple"
        )
    need_scalar(loss, loss_fn)
    if not loss.requires_grad:
        raise ValueError(
            "the loss has no graph behind it: backward would reach no parameter\n"
            "  do: look for .detach(), .data, .item(), .numpy(), argmax or no_grad between the "
            "model's parameters and the loss"
        )


def need_scalar(loss: Any, loss_fn: Any) -> None:
    """Refuse a loss of more than one number."""
    if isinstance(loss, Tensor) and loss.numel() != 1:
        raise ValueError(
            f"{_name(loss_fn)} returned shape {tuple(loss.shape)}, and a scalar was expected\n"
            "  do: reduction='mean', or .mean() at its end"
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
    inputs, targets = batch if isinstance(batch, tuple) else (None, None)
    words = _device(inputs, targets, model) or _dtype(error, inputs, model) or _lone(error, inputs)
    shapes = ", ".join(
        f"{name} {tuple(tensor.shape)} {tensor.dtype}".replace("torch.", "")
        for name, tensor in (*leaves(inputs, "inputs"), *leaves(targets, "targets"))
    )
    if words is None:
        error.add_note(f"in {step.value}, with {shapes or describe(batch)}")
        return error
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"{step.value} failed: {words[0]}\n  do: {words[1]}")


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


def _check_classes(prediction: Tensor, targets: Tensor, loss_fn: Any, all_targets: Any) -> None:
    if prediction.ndim < 2 or prediction.shape[1] == 1:
        raise ValueError(
            f"prediction {tuple(prediction.shape)} has one logit for each sample, and "
            f"{_name(loss_fn)} compares classes: its loss would always be 0\n"
            "  do: give the last layer one output per class, or take BCEWithLogitsLoss"
        )
    if targets.is_floating_point() and targets.shape == prediction.shape:
        return  # probabilities of the classes
    expected = (prediction.shape[0], *prediction.shape[2:])
    if tuple(targets.shape) != expected:
        hint = "targets.squeeze(1)" if targets.shape[1:] == (1,) else f"the shape {expected}"
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


def _device(inputs: Any, targets: Any, model: Any) -> Words:
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
    if "dtype" not in str(error) and "type" not in str(error):
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


def _name(loss_fn: Any) -> str:
    return getattr(loss_fn, "__name__", type(loss_fn).__name__)


def _type(tensor: Tensor) -> str:
    return _type_name(tensor.dtype)


def _type_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
