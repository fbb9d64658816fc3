"""Validation: eval mode, no graph, every sample counted once, nothing of the training touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from fivestep.arguments import Forward, describe, pairs, spread
from fivestep.batches import Batches, in_order
from fivestep.convert import widened
from fivestep.explain import explained, look_at_prediction, need_scalar
from fivestep.feeds import Whole
from fivestep.items import Items
from fivestep.modes import eval_mode
from fivestep.randomness import preserved
from fivestep.terms import Terms

Metrics = dict[str, Any]


def evaluate(
    model: Callable[..., Any],
    loss_fn: Callable[[Any, Any], Any],
    data: Any,
    *,
    metrics: Any = None,
    batch_size: int | None = None,
    items: Callable[[Any], Any] | None = None,
    forward: Callable[[Any, Any], Any] | None = None,
) -> dict[str, float]:
    """Compute the loss and the metrics of ``model`` over all of ``data``.

    The modules are in eval mode meanwhile and put back one by one as they were; no graph is built;
    the random numbers drawn afterwards are as if nothing had happened.

    Args:
        model: any ``nn.Module`` or callable.
        loss_fn: takes the prediction and the targets, returns a scalar, or a dict of them with the
            key ``"loss"``: the mean over the batch's items, or the sum over them, if its
            ``reduction`` is ``"sum"``.
        data: as for ``batches``, taken in order.
        metrics: one metric, a list or a dict of them by name. A metric is a callable
            ``(prediction, targets)``, called once with the whole data set's, or an object with
            ``update``, ``compute`` and ``reset`` (torchmetrics), updated batch by batch.
        batch_size: samples in a batch; it changes the result by rounding alone.
        items: takes a batch and returns how many items its loss is the mean of. If not said,
            what torch's own losses divide by (targets that are not ignored, class weights), and
            samples for every other loss.
        forward: takes the model and a whole batch, returns the prediction; the loss and the metrics
            get the prediction and the whole batch then.

    Returns:
        ``{"loss": mean per item, metric name: value, ...}``, NaN where it is NaN.

    Raises:
        ValueError: there is no batch in the data.
    """
    made = in_order(data, batch_size=batch_size, dtype=float_type(model))
    call = None if forward is None else Forward(forward, model)
    return evaluate_batches(
        model, loss_fn, made if call is None else Whole(made), named_metrics(metrics),
        items=Items(loss_fn, items, whole=call is not None), call=call,
    )  # fmt: skip


def evaluate_batches(
    model: Callable[..., Any],
    loss_fn: Callable[[Any, Any], Any],
    made: Batches,
    metrics: Metrics,
    *,
    items: Items | None = None,
    call: Callable[..., Any] | None = None,
    stop: Callable[[], bool] = lambda: False,
    observe: Callable[[Any, Any, Any, Any], None] | None = None,
) -> dict[str, float]:
    """Evaluate on batches made before.

    ``call`` is called in the place of ``model``, whose modes are set; ``stop`` is asked after each
    batch and ends it early if True; ``observe`` is shown inputs, targets, prediction and loss.
    """
    streams = {name: metric for name, metric in metrics.items() if _is_stream(metric)}
    wholes = {name: metric for name, metric in metrics.items() if name not in streams}
    call, terms, mean = call or model, Terms(loss_fn), _Mean(items or Items(loss_fn))
    gathered: list[tuple[Any, Any]] = []
    arguments = spread(call)
    with preserved(*made.generators), eval_mode(model), torch.no_grad():
        for metric in streams.values():
            metric.reset()
        for inputs, targets in pairs(made.epoch(1)):
            args, kwargs = arguments(inputs)
            with explained(model, inputs, targets):
                prediction = call(*args, **kwargs)
            if not mean.batches:
                look_at_prediction(prediction, targets, loss_fn)
            with explained(model, inputs, targets, prediction):
                loss = terms(prediction, targets)
            need_scalar(loss, loss_fn)
            if observe is not None:
                observe(inputs, targets, prediction, loss)
            mean.add(inputs, targets, {"loss": loss} | terms.last)
            for metric in streams.values():
                metric.update(prediction, targets)
            if wholes:
                gathered.append((prediction, targets))
            if stop():
                break
        if not mean.batches:
            raise ValueError(
                "the data set is empty: it gave no batch to evaluate\n"
                "  do: check what made it; a generator is used up after one pass"
            )
        values = {name: metric.compute() for name, metric in streams.items()}
        if wholes:
            prediction, targets = (_concatenate(list(part)) for part in zip(*gathered, strict=True))
            values |= {name: metric(prediction, targets) for name, metric in wholes.items()}
    flat = [item for name in metrics for item in _flat(name, values[name])]
    losses = mean.values
    _refuse_two_of_one_name([*list(losses)[1:], *(name for name, _ in flat)])
    return losses | dict(flat)


class _Mean:
    """The mean of the loss and its other terms over the items of all batches."""

    def __init__(self, items: Items) -> None:
        self._items, self._sums = items, dict[str, Tensor]()
        self._seen, self.batches = 0.0, 0

    def add(self, inputs: Any, targets: Any, losses: dict[str, Any]) -> None:
        self.batches += 1
        count = self._items(inputs, targets)
        if count == 0:  # the mean over nothing: 0 / 0
            return
        self._seen += count
        for name, loss in losses.items():
            value = widened(torch.as_tensor(loss).detach())
            value = value if self._items.sums else value * count
            self._sums[name] = self._sums[name] + value if name in self._sums else value

    @property
    def values(self) -> dict[str, float]:
        if not self._seen:
            return {"loss": float("nan")}
        return {name: float(total) / self._seen for name, total in self._sums.items()}


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
