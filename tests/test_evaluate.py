"""Evaluation: the whole data set's loss and metrics, exact, and no trace of it afterwards."""

# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import math
import random
import re
from typing import Any

import numpy as np
import pytest
import torch
import torchmetrics
from by_hand import assert_same
from sklearn.metrics import f1_score, roc_auc_score
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset, TensorDataset
from torchmetrics import classification

from fivestep import accuracy, evaluate
from fivestep.evaluate import named_metrics

X = torch.randn(37, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
Y = torch.randn(37, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
CLASSES = torch.randint(0, 4, (37,), generator=torch.Generator().manual_seed(3))
SIZES = [1, 2, 5, 16, 36, 37, 100]


def network(outputs: int = 2) -> nn.Module:
    layers = [nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, outputs)]
    model = nn.Sequential(*layers).double()
    model(X)  # running statistics that are not those of the start
    return model


def whole(model: nn.Module) -> Tensor:
    model.eval()
    with torch.no_grad():
        prediction = model(X)
    model.train()
    return prediction


# --- The loss --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("loss", [nn.MSELoss, nn.HuberLoss, nn.L1Loss])
def test_the_loss_is_that_of_the_whole_set(loss: Any, reduction: str, size: int) -> None:
    model = network()
    found = evaluate(model, loss(reduction=reduction), (X, Y), batch_size=size)
    once = loss(reduction=reduction)(whole(model), Y).item()
    expected = once / len(X) if reduction == "sum" else once
    assert math.isclose(found["loss"], expected, rel_tol=1e-13)
    assert list(found) == ["loss"]


@pytest.mark.parametrize("size", SIZES)
def test_every_sample_counts_the_same_in_a_short_last_batch(size: int) -> None:
    model = network(4)
    found = evaluate(model, functional.cross_entropy, (X, CLASSES), batch_size=size)
    expected = functional.cross_entropy(whole(model), CLASSES).item()
    assert math.isclose(found["loss"], expected, rel_tol=1e-13)


def test_float32_losses_are_summed_in_float64() -> None:
    """Ten million in a float32 sum swallow the single ones that follow."""
    values = iter([1e8, *[1.0] * 999])
    found = evaluate(
        lambda x: x,
        lambda *_: torch.tensor(next(values)),
        [(torch.zeros(1), torch.zeros(1))] * 1000,
    )
    assert found["loss"] == (1e8 + 999) / 1000


def test_a_loss_that_is_a_plain_number_will_do() -> None:
    assert evaluate(lambda x: x, lambda *_: 2.5, (X, Y)) == {"loss": 2.5}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_non_finite_loss_is_told_as_it_is(value: float) -> None:
    found = evaluate(lambda x: x, lambda *_: torch.tensor(value), (X, Y))["loss"]
    assert repr(found) == repr(value)


def test_kinds_of_data_give_one_result() -> None:
    model = network()
    expected = evaluate(model, nn.MSELoss(), (X, Y))["loss"]
    for data in (
        (X.numpy(), Y.numpy()),
        TensorDataset(X, Y),
        DataLoader(TensorDataset(X, Y), batch_size=32),
        [(X[:32], Y[:32]), (X[32:], Y[32:])],
    ):
        assert evaluate(model, nn.MSELoss(), data)["loss"] == expected


# --- No trace --------------------------------------------------------------------------------


def test_eval_mode_no_graph_and_the_buffers_untouched() -> None:
    model = network()
    seen: list[Any] = []
    model.register_forward_hook(lambda m, _, out: seen.append((m.training, out.requires_grad)))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    one, two = (evaluate(model, nn.MSELoss(), (X, Y)) for _ in range(2))
    assert one == two  # dropout is off
    assert set(seen) == {(False, False)}
    assert_same(dict(model.state_dict()), before)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_graph_is_not_built_by_the_metrics_either() -> None:
    asked: list[bool] = []
    model = network()
    evaluate(
        model, nn.MSELoss(), (X, Y), metrics={"m": lambda p, t: asked.append(p.requires_grad) or 0}
    )
    assert asked == [False]


class DropsAlways(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2).double()

    def forward(self, x: Any) -> Any:
        return functional.dropout(self.layer(x), 0.5, training=True)


def noisy(prediction: Any, targets: Any) -> float:
    return random.random() + np.random.rand() + torch.rand(()).item()


class NoisyStream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        for _ in range(8):
            yield torch.rand(3).double() + random.random(), torch.tensor(np.random.rand(2))


@pytest.mark.parametrize(
    "data",
    [
        (X, Y),
        NoisyStream(),
        DataLoader(TensorDataset(X, Y), batch_size=8, shuffle=True),
        DataLoader(TensorDataset(X, Y), batch_size=8, shuffle=True, num_workers=1),
    ],
    ids=["memory", "noisy stream", "shuffling loader", "workers"],
)
def test_the_random_numbers_drawn_afterwards_are_as_if_nothing_had_been(data: Any) -> None:
    model = DropsAlways()
    before = torch.get_rng_state(), str(np.random.get_state()), random.getstate()
    evaluate(model, nn.MSELoss(), data, metrics=noisy)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (str(np.random.get_state()), random.getstate()) == before[1:]


def test_a_loaders_own_generator_goes_on_as_if_nothing_had_been() -> None:
    generator = torch.Generator().manual_seed(3)
    loader = DataLoader(TensorDataset(X, Y), shuffle=True, generator=generator, batch_size=5)
    before = generator.get_state()
    evaluate(network(), nn.MSELoss(), loader)
    assert torch.equal(generator.get_state(), before)


# --- Metrics ---------------------------------------------------------------------------------


def median_error(prediction: Any, targets: Any) -> float:
    return (prediction - targets).abs().median().item()


@pytest.mark.parametrize("size", SIZES)
def test_a_callable_sees_the_whole_set_at_once(size: int) -> None:
    model = network()
    calls: list[Any] = []

    def seen(prediction: Any, targets: Any) -> float:
        calls.append((tuple(prediction.shape), targets))
        return median_error(prediction, targets)

    found = evaluate(model, nn.MSELoss(), (X, Y), metrics=seen, batch_size=size)
    assert math.isclose(found["seen"], median_error(whole(model), Y), rel_tol=1e-13)
    assert len(calls) == 1
    assert calls[0][0] == (37, 2)
    assert_same(calls[0][1], Y)


def test_a_median_is_not_the_mean_of_medians() -> None:
    """The test above could not fail if the two were the same here."""
    model = network()
    prediction = whole(model)
    batches = zip(prediction.split(5), Y.split(5), strict=True)
    averaged = np.mean([median_error(p, t) for p, t in batches])
    assert abs(averaged - median_error(prediction, Y)) > 1e-3


@pytest.mark.parametrize("size", SIZES)
def test_torchmetrics_over_the_whole_set(size: int) -> None:
    metrics: dict[str, Any] = {
        "accuracy": classification.MulticlassAccuracy(4, average="micro"),
        "f1": classification.MulticlassF1Score(4),
        "auroc": classification.MulticlassAUROC(4),
    }
    model = network(4)
    found = evaluate(model, nn.CrossEntropyLoss(), (X, CLASSES), metrics=metrics, batch_size=size)
    again = evaluate(model, nn.CrossEntropyLoss(), (X, CLASSES), metrics=metrics, batch_size=size)
    assert found == again  # reset in between
    prediction = whole(model)
    expected: dict[str, float] = {
        "accuracy": (prediction.argmax(1) == CLASSES).double().mean().item(),
        "f1": functional_f1(prediction.argmax(1), CLASSES),
        "auroc": area_under_curves(prediction.softmax(1), CLASSES),
    }
    for name, value in expected.items():
        assert math.isclose(found[name], value, rel_tol=1e-6), name


def functional_f1(chosen: Any, targets: Any) -> float:
    return float(f1_score(targets, chosen, average="macro"))


def area_under_curves(probabilities: Any, targets: Any) -> float:
    return float(roc_auc_score(targets, probabilities, multi_class="ovr"))


def test_a_collection_gives_every_member_its_name() -> None:
    collection = torchmetrics.MetricCollection(
        [classification.MulticlassAccuracy(4), classification.MulticlassF1Score(4)]
    )
    found = evaluate(network(4), nn.CrossEntropyLoss(), (X, CLASSES), metrics=collection)
    assert list(found) == ["loss", "MulticlassAccuracy", "MulticlassF1Score"]


def test_a_metric_of_each_class_gives_every_class_its_name() -> None:
    metric = classification.MulticlassAccuracy(4, average=None)
    found = evaluate(network(4), nn.CrossEntropyLoss(), (X, CLASSES), metrics={"right": metric})
    assert list(found) == ["loss", "right_0", "right_1", "right_2", "right_3"]


class Counter:
    """The least that update, compute and reset can be."""

    def __init__(self) -> None:
        self.log: list[Any] = []

    def reset(self) -> None:
        self.log.append("reset")

    def update(self, prediction: Any, targets: Any) -> None:
        self.log.append(len(targets))

    def compute(self) -> float:
        return float(sum(item for item in self.log if item != "reset"))


def test_an_object_is_reset_updated_batch_by_batch_and_asked_once() -> None:
    counter = Counter()
    found = evaluate(network(), nn.MSELoss(), (X, Y), metrics=counter, batch_size=15)
    assert counter.log == ["reset", 15, 15, 7]
    assert found["Counter"] == 37.0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), torch.tensor(float("nan"))])
def test_a_metric_that_is_nan_stays_nan(value: Any) -> None:
    found = evaluate(network(), nn.MSELoss(), (X, Y), metrics={"odd": lambda *_: value})["odd"]
    assert type(found) is float
    assert repr(found) == repr(float(value))


@pytest.mark.parametrize("value", [3, True, np.float32(0.5), torch.tensor([0.5]), torch.tensor(2)])
def test_values_become_plain_floats(value: Any) -> None:
    found = evaluate(network(), nn.MSELoss(), (X, Y), metrics={"v": lambda *_: value})
    assert type(next(found[name] for name in found if name != "loss")) is float


def f1(*_: Any) -> float:
    return 1.0


def test_names() -> None:
    assert list(named_metrics(None)) == []
    assert list(named_metrics(f1)) == ["f1"]
    assert list(named_metrics([f1, Counter()])) == ["f1", "Counter"]
    assert list(named_metrics((f1,))) == ["f1"]
    assert list(named_metrics(lambda *_: 0.0)) == ["metric"]
    assert list(named_metrics({"one": f1, "two": f1})) == ["one", "two"]


def test_metrics_stand_in_the_order_given() -> None:
    found = evaluate(network(), nn.MSELoss(), (X, Y), metrics=[f1, Counter(), median_error])
    assert list(found) == ["loss", "f1", "Counter", "median_error"]


def test_metrics_over_nests_of_predictions_and_targets() -> None:
    def model(x: Any) -> Any:
        return {"a": x, "b": (x.sum(), x[:, 0])}

    def look(prediction: Any, targets: Any) -> float:
        assert_same(prediction["a"], X)
        assert prediction["b"][0].shape == (4,)  # one for each batch
        assert_same(prediction["b"][1], X[:, 0])
        assert_same(targets, (Y, {"c": CLASSES}))
        return 0.0

    data: Any = (X, (Y, {"c": CLASSES}))
    assert (
        evaluate(model, lambda p, _: p["a"].mean(), data, metrics=look, batch_size=10)["look"]
        == 0.0
    )


# --- Accuracy --------------------------------------------------------------------------------


def test_accuracy_of_classes_of_logits_and_of_pixels() -> None:
    logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]])
    assert accuracy(logits, torch.tensor([0, 1, 1])) == pytest.approx(2 / 3)
    assert accuracy(torch.tensor([0.5, -2.0]), torch.tensor([1.0, 1.0])) == 0.5
    assert accuracy(torch.tensor([[0.5], [-2.0]]), torch.tensor([[1], [0]])) == 1.0
    pixels = torch.randn(2, 3, 4, 4)
    assert accuracy(pixels, pixels.argmax(1)) == 1.0


@pytest.mark.parametrize(
    ("prediction", "targets"),
    [
        (torch.zeros(4, 1), torch.zeros(4)),
        (torch.zeros(4), torch.zeros(4, 1)),
        (torch.zeros(4, 3), torch.zeros(5)),
        (torch.zeros(4, 3), torch.zeros(4, 1)),
    ],
)
def test_accuracy_broadcasts_nothing(prediction: Any, targets: Any) -> None:
    with pytest.raises(
        ValueError, match=r"accuracy: prediction \(4.* do not belong together\n  do"
    ):
        accuracy(prediction, targets)


# --- What is refused -------------------------------------------------------------------------

PAIR = (X, Y)
REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "metric class": ({"metrics": Counter}, TypeError, r"metric 'Counter' is .*do: .*not Accuracy"),
    "metric name": ({"metrics": "f1"}, TypeError, r"metric 'str' is of type str"),
    "two of one name": ({"metrics": [f1, f1]}, ValueError, r"'f1', 'f1'\] have the same.*do: n"),
    "two lambdas": ({"metrics": [lambda *_: 0, lambda *_: 1]}, ValueError, r"do: name them in a"),
    "a metric named loss": ({"metrics": {"loss": f1}}, ValueError, r"'loss', 'loss'\].*do"),
    "two collections": (
        {"metrics": {
            "one": torchmetrics.MetricCollection([torchmetrics.MeanSquaredError()]),
            "two": torchmetrics.MetricCollection([torchmetrics.MeanSquaredError()]),
        }},
        ValueError, r"two of .*'MeanSquaredError'.*prefix",
    ),
    "a metric of text": ({"metrics": {"m": lambda *_: "good"}}, TypeError, r"'m' gave 'good'.*do"),
    "no batch": ({"data": iter([])}, ValueError, r"empty: it gave no batch to.*do: check"),
    "batch_size 0": ({"batch_size": 0}, ValueError, r"batch_size=0 was given.*do: batch_size=10"),
    "batch_size True": ({"batch_size": True}, TypeError, r"batch_size=True is of type bool"),
    "no pair": ({"data": [X]}, TypeError, r"a list of 1 tensors.*do: pass a tuple"),
    "no reduction": (
        {"loss_fn": nn.MSELoss(reduction="none")}, ValueError,
        r"MSELoss returned shape \(32, 2\), and a scalar was expected\n  do: reduction='mean'",
    ),
    "shapes that broadcast": ({"data": (X, Y[:, :1])}, ValueError, r"broadcast to \(32, 2\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    options, error, words = REFUSED[name]
    given: Any = {"data": PAIR, "loss_fn": nn.MSELoss()} | options
    with pytest.raises(error) as caught:
        evaluate(network(), **given)
    assert re.search(words, str(caught.value), re.DOTALL), str(caught.value)
    assert "do: " in str(caught.value)


@pytest.mark.parametrize("kind", [torch.uint8, torch.int64])
def test_class_weights_are_found_by_targets_of_every_kind_that_torch_takes(
    kind: torch.dtype,
) -> None:
    torch.manual_seed(0)
    model, x = nn.Linear(3, 2), torch.randn(10, 3)
    y = torch.randint(0, 2, (10,)).to(kind)
    loss_fn = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0]))
    whole = loss_fn(model(x), y).item()
    assert evaluate(model, loss_fn, (x, y), batch_size=3)["loss"] == pytest.approx(whole)
