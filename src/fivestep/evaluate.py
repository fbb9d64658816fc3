"""Validation: eval mode, no graph, every sample counted once, nothing of the training touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from fivestep.arguments import describe, pairs, spread
from fivestep.batches import Batches, in_order
from fivestep.convert import count_samples, widened
from fivestep.explain import explained, look_at_prediction, need_scalar
from fivestep.modes import eval_mode
from fivestep.randomness import preserved

Metrics = dict[str, Any]


def evaluate(
    model: Callable[..., Any],
    loss_fn: Callable[[Any, Any], Any],
    data: Any,
    *,
    metrics: Any = None,
    batch_size: int | None = None,
) -> dict[str, float]:
    """Compute the loss and the metrics of ``model`` over all of ``data``.

    The modules are in eval mode meanwhile and put back one by one as they were; no graph is built;
    the random numbers drawn afterwards are as if nothing had happened.

    Args:
        model: any ``nn.Module`` or callable.
        loss_fn: takes the prediction and the targets, returns a scalar: the mean over the batch,
            weighted here by the batch's samples, or the sum, if its ``reduction`` is ``"sum"``.
        data: as for ``batches``, taken in order.
        metrics: one metric, a list or a dict of them by name. A metric is a callable
            ``(prediction, targets)``, called once with the whole data set's, or an object with
            ``update``, ``compute`` and ``reset`` (torchmetrics), updated batch by batch.
        batch_size: samples in a batch; it changes the result by rounding alone.

    Returns:
        ``{"loss": mean per sample, metric name: value, ...}``, NaN where it is NaN.

    Raises:
        ValueError: there is no batch in the data.
    """
    made = in_order(data, batch_size=batch_size, dtype=float_type(model))
    return evaluate_batches(model, loss_fn, made, named_metrics(metrics))


def evaluate_batches(
    model: Callable[..., Any],
    loss_fn: Callable[[Any, Any], Any],
    made: Batches,
    metrics: Metrics,
    stop: Callable[[], bool] = lambda: False,
    observe: Callable[[Any, Any, Any, Any], None] | None = None,
) -> dict[str, float]:
    """Evaluate on batches made before.

    ``stop`` is asked after each and ends it early if True; ``observe`` is shown inputs, targets,
    prediction and loss.
    """
    streams = {name: metric for name, metric in metrics.items() if _is_stream(metric)}
    wholes = {name: metric for name, metric in metrics.items() if name not in streams}
    total, seen = None, 0
    gathered: list[tuple[Any, Any]] = []
    arguments = spread(model)
    with preserved(*made.generators), eval_mode(model), torch.no_grad():
        for metric in streams.values():
            metric.reset()
        for inputs, targets in pairs(made.epoch(1)):
            args, kwargs = arguments(inputs)
            with explained(model, inputs, targets):
                prediction = model(*args, **kwargs)
            if total is None:
                look_at_prediction(prediction, targets, loss_fn)
            count = count_samples(inputs, targets)
            with explained(model, inputs, targets, prediction):
                loss = loss_fn(prediction, targets)
            need_scalar(loss, loss_fn)
            if observe is not None:
                observe(inputs, targets, prediction, loss)
            loss = _summed(loss, count, loss_fn)
            total, seen = loss if total is None else total + loss, seen + count
            for metric in streams.values():
                metric.update(prediction, targets)
            if wholes:
                gathered.append((prediction, targets))
            if stop():
                break
        if total is None:
            raise ValueError(
                "the data set is empty: it gave no batch to evaluate\n"
                "  do: check what made it; a generator is used up after one pass"
            )
        values = {name: metric.compute() for name, metric in streams.items()}
        if wholes:
            prediction, targets = (_concatenate(list(part)) for part in zip(*gathered, strict=True))
            values |= {name: metric(prediction, targets) for name, metric in wholes.items()}
    flat = [item for name in metrics for item in _flat(name, values[name])]
    _refuse_two_of_one_name([name for name, _ in flat])
    return {"loss": float(total) / seen} | dict(flat)


def accuracy(prediction: Tensor, targets: Tensor) -> float:
    """Compute the share of samples whose class is predicted right, between 0 and 1.

    Args:
        prediction: logits or probabilities over classes, shape (N, C, ...), C > 1; or one logit
            for two classes, of the same shape as the targets, positive for class 1.
        targets: class indices of shape (N, ...), or of the prediction's shape with 0 and 1.

    Raises:
        ValueError: the shapes belong to neither form; nothing is broadcast.
    """
    if prediction.ndim == targets.ndim + 1 and prediction.shape[1] > 1:
        chosen = prediction.argmax(dim=1)
    else:
        chosen = (prediction > 0).to(targets.dtype)
    if chosen.shape != targets.shape:
        raise ValueError(
            f"accuracy: prediction {tuple(prediction.shape)} and targets {tuple(targets.shape)} "
            "do not belong together\n  do: (N, C) logits with (N,) classes, or one logit per "
            "sample in the shape of the targets"
        )
    return (chosen == targets).double().mean().item()


def named_metrics(metrics: Any) -> Metrics:
    """Give each metric its name: the key, else the function's or the class's own name.

    Raises:
        TypeError: something is no metric.
        ValueError: two metrics have one name.
    """
    if metrics is None:
        return {}
    if isinstance(metrics, dict):
        named = list(cast("Metrics", metrics).items())
    else:
        several = cast("list[Any]", metrics) if isinstance(metrics, (list, tuple)) else [metrics]
        named = [(_name(metric), metric) for metric in several]
    for name, metric in named:
        if isinstance(metric, type) or not (callable(metric) or _is_stream(metric)):
            raise TypeError(
                f"metric {name!r} is {describe(metric)}, and a callable (prediction, targets) or "
                "an object with update, compute and reset was expected\n"
                "  do: pass the function itself, or an instance: Accuracy(), not Accuracy"
            )
    _refuse_two_of_one_name([name for name, _ in named])
    return dict(named)


def _refuse_two_of_one_name(names: list[str]) -> None:
    if len({"loss", *names}) <= len(names):
        raise ValueError(
            f"metrics: two of {['loss', *names]} have the same name\n"
            "  do: name them in a dict, metrics={'top1': ..., 'top5': ...}; of a MetricCollection, "
            "with prefix='...'"
        )


def _name(metric: Any) -> str:
    name = getattr(metric, "__name__", type(metric).__name__)
    return name if name != "<lambda>" else "metric"


def _is_stream(metric: Any) -> bool:
    return all(hasattr(metric, method) for method in ("update", "compute", "reset"))


def float_type(model: Any) -> torch.dtype | None:
    """Find the floating type of the model's parameters, or None."""
    parameters = model.parameters() if isinstance(model, nn.Module) else ()
    return next((p.dtype for p in parameters if p.is_floating_point()), None)


def _summed(loss: Any, count: int, loss_fn: Any) -> Tensor:
    total = widened(torch.as_tensor(loss).detach())
    return total if getattr(loss_fn, "reduction", "mean") == "sum" else total * count


def _concatenate(parts: list[Any]) -> Any:
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat(parts) if first.ndim else torch.stack(parts)
    if isinstance(first, dict):
        keys = cast("dict[Any, Any]", first)
        return {key: _concatenate([part[key] for part in parts]) for key in keys}
    return tuple(_concatenate(list(column)) for column in zip(*parts, strict=True))


def _flat(name: str, value: Any) -> list[tuple[str, float]]:
    if isinstance(value, dict):  # torchmetrics' MetricCollection
        return [item for key, part in value.items() for item in _flat(str(key), part)]
    if getattr(value, "ndim", 0):  # one value for each class
        return [item for i, part in enumerate(value) for item in _flat(f"{name}_{i}", part)]
    try:
        return [(name, float(value))]
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"metric {name!r} gave {value!r:.60}, and a number was expected\n"
            "  do: return a float, a tensor or a dict of them"
        ) from error
