"""The second step: a loss function has answered."""

from __future__ import annotations

from typing import Any

import torch

from fivestep.vitals import graphs
from fivestep.vitals.events import Loss
from fivestep.vitals.facts import Site
from fivestep.vitals.labels import LABELS, LabelOrder, WordOrder, thinned
from fivestep.vitals.measure import describe, measurable, quietly
from fivestep.vitals.recording.curves import Curves
from fivestep.vitals.recording.forwards import Forwards
from fivestep.vitals.recording.loading import Loading
from fivestep.vitals.recording.notes import Notes, grad_mode
from fivestep.vitals.samples import Samples

REGRESSIONS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
WORDS = (torch.int64, torch.int32)  # as nn.Embedding takes them
SENTENCE = 4  # words at least: two or three numbers are who and what
_OVER_CLASSES = ("cross_entropy", "nll_loss", "kl_div", "multi_margin_loss")


class Losses:
    """Writes down losses."""

    def __init__(
        self, notes: Notes, forwards: Forwards, loading: Loading, curves: Curves, samples: Samples
    ) -> None:
        self._notes, self._forwards, self._loading = notes, forwards, loading
        self._curves, self._samples = curves, samples
        self.count = 0
        self._label_orders: dict[int, LabelOrder] = {}

    def answered(
        self, function: str, prediction: Any, target: Any, output: Any, options: dict[str, Any],
        site: Site | None,
    ) -> None:  # fmt: skip
        """A loss function has answered."""
        if not isinstance(output, torch.Tensor) or not isinstance(prediction, torch.Tensor):
            return
        notes, target = self._notes, target if isinstance(target, torch.Tensor) else None
        same = target is None or prediction.shape == target.shape
        model, training = self._forwards.last or (None, None)
        reduction = str(options.get("reduction", "mean"))
        place, at = notes.site(site), notes.next()
        raw = (
            Loss, place, function, grad_mode(), training, reduction, same, model,
            self._loading.last,
        )  # fmt: skip
        event = None
        self.count += 1
        self._samples.judged(target)
        if raw[3] == "on":
            notes.shown = site
        if notes.full(raw):
            event = Loss(at, site, *raw[2:])
            event.options = {k: float(v) for k, v in options.items() if isinstance(v, (int, float))}
            self._measure(event, place, prediction, target, output)
        notes.write(raw, event)
        evaluates = output.grad_fn is None or training is False
        if output.numel() == 1 and (evaluates or event is not None):
            series = self._curves.of(function, place, "evaluation") if evaluates else None
            self._curves.add(output, event, series)

    def _measure(
        self, event: Loss, place: int, prediction: torch.Tensor, target: torch.Tensor | None,
        output: torch.Tensor,
    ) -> None:  # fmt: skip
        classes = _class_dimension(event.function, prediction)
        (event.prediction,) = self._notes.facts([prediction], classes=classes)
        if target is not None:
            (event.target,) = self._notes.facts([target])
            self._order_labels(event, place, target)
        event.output = describe(output)
        if output.grad_fn is not None:
            graphs.mark(output.grad_fn, event.at)
        self._notes.remember(event)

    def _order_labels(self, event: Loss, place: int, target: torch.Tensor) -> None:
        """Hold whole-numbered targets of a regression against the inputs of the model."""
        facts = event.target.numbers if event.target is not None else None
        inputs = self._forwards.inputs
        if facts is None or inputs is None or event.function not in REGRESSIONS:
            return
        whole = facts.integers and facts.lowest == 0 and 2 <= facts.highest < LABELS
        text = inputs.dtype in WORDS and inputs.dim() > 1 and inputs.shape[1] >= SENTENCE
        known = (inputs.is_floating_point() and inputs.dim() > 1) or text
        known = known and measurable(inputs)
        if not whole or not known or target.numel() != len(inputs) or inputs.is_cuda:
            return
        with quietly():
            rows, labels = thinned(inputs, target)
        order = self._label_orders.setdefault(place, WordOrder() if text else LabelOrder())
        if order.add(rows, labels):
            event.label_order, event.label_distance = order.score() or (None, None)


def _class_dimension(function: str, prediction: torch.Tensor) -> int | None:
    if function == "kl_div":
        return prediction.dim() - 1 if prediction.dim() > 1 else None
    if function in _OVER_CLASSES and prediction.dim() >= 1:
        return 1 if prediction.dim() > 1 else 0
    return None
