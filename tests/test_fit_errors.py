"""What a user may do wrong, and the words for it: given, got, do; and nothing was trained.

Below it the reverse: what looks odd and is right, and must not be refused.
"""

# ruff: noqa: E501 (a row of a table reads best as one line)
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from by_hand import assert_same
from torch import nn
from torch.nn import functional
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from fivestep import Run, fit

X = torch.randn(33, 3, generator=torch.Generator().manual_seed(1))
Y = torch.randn(33, 1, generator=torch.Generator().manual_seed(2))
CLASSES = torch.randint(0, 3, (33,), generator=torch.Generator().manual_seed(3))
NAN = float("nan")
TENSOR: Any = X  # a loader takes it, and gives batches without targets


def network(outputs: int = 1) -> Any:
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, outputs))


def sgd(model: Any) -> Any:
    return torch.optim.SGD(model.parameters(), lr=0.1)


class Returns(nn.Module):
    """A model whose forward hands back what ``make`` makes of its layer's output."""

    def __init__(self, make: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.layer, self.make = nn.Linear(3, 1), make

    def forward(self, x: Any) -> Any:
        return self.make(self.layer(x), x)


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.layer = nn.BatchNorm1d(3), nn.Linear(3, 1)

    def forward(self, x: Any) -> Any:
        return self.layer(self.norm(x))


class Samples(Dataset[Any]):
    def __init__(self, length: int = 33) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        return X[index], Y[index]


class Missing(Samples):
    def __getitem__(self, index: int) -> Any:
        raise FileNotFoundError("image_7.png")


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        yield from ()


class Exhausted:
    """Its ``__iter__`` hands out one and the same generator each time."""

    def __init__(self) -> None:
        self.made = iter([(X, Y)])

    def __iter__(self) -> Any:
        return self.made


class NoBatches:
    def __iter__(self) -> Any:
        return iter([])


def with_nan(value: Any = X) -> Any:
    value = value.clone()
    value[7, 1] = NAN
    value[9] = NAN
    return value


def frame_with_nan() -> Any:
    return pd.DataFrame(with_nan().numpy(), columns=["height", "width", "depth"])


def batches() -> Iterator[Any]:
    yield X, Y


def a_metric(*_: Any) -> float:
    return 0.0


def lazy() -> Any:
    return nn.Sequential(nn.LazyLinear(1))


def frozen() -> Any:
    return network().requires_grad_(False)


def other(make: Any = sgd) -> Any:
    return make(network())


Case = tuple[dict[str, Any], type[BaseException], str]
# Of each: what differs from a call that works, the exception, the words (given .* do). A function
# of one argument named by `of_model` or `of_optimizer` is called with it.


def of_model(make: Callable[[Any], Any]) -> Any:
    return ("of_model", make)


def of_optimizer(make: Callable[[Any], Any]) -> Any:
    return ("of_optimizer", make)


CE = {"model": partial(network, 3), "loss_fn": nn.CrossEntropyLoss(), "train": (X, CLASSES)}
BCE = {"loss_fn": nn.BCEWithLogitsLoss(), "train": (X, (Y > 0).float())}

OPTIONS: dict[str, Case] = {
    "epochs 0": ({"epochs": 0}, ValueError, r"epochs=0 was given, and an int of at least 1.*do: epochs=10"),
    "epochs -3": ({"epochs": -3}, ValueError, r"epochs=-3 was given.*do: epochs"),
    "epochs 2.5": ({"epochs": 2.5}, TypeError, r"epochs=2\.5 is of type float, and an int.*do: epochs"),
    "epochs 2.0": ({"epochs": 2.0}, TypeError, r"epochs=2\.0 is of type float.*do: epochs"),
    "epochs True": ({"epochs": True}, TypeError, r"epochs=True is of type bool.*do: epochs"),
    "epochs '3'": ({"epochs": "3"}, TypeError, r"epochs='3' is of type str.*do: epochs"),
    "epochs None": ({"epochs": None}, TypeError, r"epochs=None is of type NoneType.*do: epochs"),
    "epochs of NumPy": ({"epochs": np.int64(3)}, TypeError, r"is of type int64.*do: epochs=int\(epochs\)"),
    "batch_size 0": ({"batch_size": 0}, ValueError, r"batch_size=0 was given.*do: batch_size"),
    "batch_size -8": ({"batch_size": -8}, ValueError, r"batch_size=-8 was given.*do: batch_size"),
    "batch_size True": ({"batch_size": True}, TypeError, r"batch_size=True is of type bool.*do: batch"),
    "batch_size 8.0": ({"batch_size": 8.0}, TypeError, r"batch_size=8\.0 is of type float.*do: batch"),
    "validate_every beyond the end": ({"validate": (X, Y), "validate_every": 1000}, ValueError, r"validate_every='1000 updates' was given, and this training makes \d+ updates in all.*do: validate_every='1 updates?'"),
    "log_every beyond the end": ({"log_every": 1000}, ValueError, r"log_every='1000 updates' was given, and this training makes \d+ updates in all.*do: log_every='1 updates?'"),
    "seed -1": ({"seed": -1}, ValueError, r"seed=-1 was given, and an int of at least 0.*do: seed"),
    "seed 0.5": ({"seed": 0.5}, TypeError, r"seed=0\.5 is of type float.*do: seed"),
    "seed too large": ({"seed": 2**64}, ValueError, r"seed=18446744073709551616.*below 2\*\*64.*do: seed"),
    "patience 0": ({"patience": 0, "validate": (X, Y)}, ValueError, r"patience=0 was given.*do: patience"),
    "log_every 0": ({"log_every": 0}, ValueError, r"log_every=0 was given, and a duration.*log_every='1 update'"),
    "validate_every 0": ({"validate_every": 0, "validate": (X, Y)}, ValueError, r"validate_every=0 was given, and a duration.*validate_every='1 update'"),
    "min_delta -1": ({"min_delta": -1}, ValueError, r"min_delta=-1 .*at least 0.*do: min_delta=0\.0"),
    "min_delta NaN": ({"min_delta": NAN}, ValueError, r"min_delta=nan .*finite number.*do: min_delta"),
    "nonfinite 'ignore'": ({"nonfinite": "ignore"}, ValueError, r"nonfinite='ignore'.*do: choose one of 'stop'"),
    "mode 'maximum'": ({"mode": "maximum"}, ValueError, r"mode='maximum'.*do: choose one of None, 'min'"),
    "schedule_every": ({"schedule_every": "batch"}, ValueError, r"'batch' was given, and a duration.*do: a batch .* is an iteration"),
    "progress 1": ({"progress": 1}, TypeError, r"progress=1 was given.*do: choose True or False"),
    "keep_best None": ({"keep_best": None}, TypeError, r"keep_best=None was given.*do: choose True"),
    "record True": ({"record": True}, TypeError, r"record=True is of type bool, and a path.*do: record="),
    "shuffle for a loader": (
        {"train": DataLoader(Samples()), "shuffle": True}, ValueError,
        r"shuffle=True was given together with of type DataLoader.*do: leave shuffle out",
    ),
    "batch_size for a loader": (
        {"train": DataLoader(Samples()), "batch_size": 8}, ValueError,
        r"batch_size=8 was given together with .*DataLoader, which makes batches.*do: leave batch_size",
    ),
}  # fmt: skip

OBJECTS: dict[str, Case] = {
    "model class": ({"model": lambda: nn.Tanh, "optimizer": other()}, TypeError, r"model is the class Tanh.*instance.*do: model = Tanh\("),
    "model None": ({"model": lambda: None, "optimizer": other()}, TypeError, r"model is None, and an nn\.Module.*do: pass the model"),
    "model name": ({"model": lambda: "resnet18", "optimizer": other()}, TypeError, r"model is of type str.*do: pass the model itself"),
    "lazy model": ({"model": lazy, "optimizer": other()}, ValueError, r"without a shape yet: 0\.weight, 0\.bias \(lazy.*do: call the model once"),
    "loss class": ({"loss_fn": nn.MSELoss}, TypeError, r"loss_fn is the class MSELoss.*do: loss_fn = MSELoss\(\)"),
    "loss name": ({"loss_fn": "mse"}, TypeError, r"loss_fn is of type str \('mse'\), and a callable.*do: loss_fn = torch"),
    "loss and optimizer exchanged": ({"loss_fn": other(), "optimizer": nn.MSELoss()}, TypeError, r"loss_fn is of type SGD.*do: loss_fn ="),
    "optimizer class": ({"optimizer": torch.optim.SGD}, TypeError, r"optimizer is the class SGD, and an instance.*do: optimizer = SGD\(model"),
    "optimizer name": ({"optimizer": "adam"}, TypeError, r"optimizer is of type str \('adam'\).*do: optimizer = torch\.optim"),
    "optimizer None": ({"optimizer": None}, TypeError, r"optimizer is None.*do: optimizer = torch\.optim"),
    "schedule as optimizer": ({"optimizer": of_model(lambda m: lr_scheduler.StepLR(sgd(m), 1))}, TypeError, r"optimizer is of type StepLR.*do: optimizer ="),
    "optimizer without parameters": (
        {"optimizer": of_model(lambda m: (o := sgd(m)).param_groups.clear() or o)}, ValueError,
        r"optimizer holds no parameters.*do: make it with the model's",
    ),
    "optimizer of another model": ({"optimizer": other()}, ValueError, r"holds 4 parameters, and none of them is one of the model's 4.*do: make the optimizer after"),
    "everything frozen": ({"model": frozen}, ValueError, r"none of the optimizer's 4 parameters requires a gradient.*do: parameter\.requires_grad_"),
    "schedule class": ({"schedule": lr_scheduler.StepLR}, TypeError, r"schedule is of type type .*StepLR.*do: schedule = "),
    "schedule a rate": ({"schedule": 0.1}, TypeError, r"schedule is of type float \(0\.1\), and a torch\.optim\.lr_scheduler.*do"),
    "schedule of another optimizer": ({"schedule": lr_scheduler.StepLR(other(), 1)}, ValueError, r"schedule steers another optimizer.*do: make the schedule with"),
    "schedule too short": (
        {"schedule": of_optimizer(lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=5)), "schedule_every": "update", "epochs": 3},
        ValueError, r"total_steps=5, and this training makes 6 \(schedule_every='1 update'\).*do: total_steps=6",
    ),
    "plateau without a value": ({"schedule": of_optimizer(lr_scheduler.ReduceLROnPlateau)}, ValueError, r"ReduceLROnPlateau need a value to watch.*do: give validate="),
    "best of a function": (
        {"model": lambda: functional.relu, "optimizer": other(), "restore_best": True, "monitor": "loss"},
        ValueError, r"restore_best was given with a model of type (builtin_)?function.*do: make the model an nn",
    ),
}  # fmt: skip

DATA: dict[str, Case] = {
    "one tensor": ({"train": X}, TypeError, r"the data is a Tensor of shape \(33, 3\), and inputs with targets.*do: pass a pair"),
    "list of two": ({"train": [X, Y]}, TypeError, r"a list of 2 tensors or arrays, and a pair.*do: pass a tuple of two"),
    "three in a tuple": ({"train": (X, X, Y)}, TypeError, r"a tuple of 3 tensors.*do: pass a tuple of two"),
    "frame alone": ({"train": pd.DataFrame({"a": [1.0]})}, TypeError, r"a DataFrame of shape \(1, 1\).*do: pass a pair"),
    "path": ({"train": "digits.csv"}, TypeError, r"the data is of type str.*do: pass a pair"),
    "Path": ({"train": Path("digits.csv")}, TypeError, r"Path, and nothing that yields batches.*do: pass a pair"),
    "None": ({"train": None}, TypeError, r"the data is None, and nothing that yields.*do: pass a pair"),
    "dict": ({"train": {"x": X, "y": Y}}, TypeError, r"the data is a dict of 2.*do: pass a pair"),
    "no rows": ({"train": (X[:0], Y[:0])}, ValueError, r"empty: inputs has shape \(0, 3\).*do: check the filter"),
    "no rows, arrays": ({"train": (np.zeros((0, 3)), np.zeros(0))}, ValueError, r"empty: inputs.*do: check"),
    "no rows, frames": ({"train": (pd.DataFrame({"a": []}), pd.Series([], dtype=float))}, ValueError, r"empty: inputs.*do"),
    "empty TensorDataset": ({"train": TensorDataset(X[:0], Y[:0])}, ValueError, r"empty: inputs.*do: check"),
    "empty data set": ({"train": Samples(0)}, ValueError, r"empty: len\(Samples\) is 0.*do: check the filter"),
    "empty loader": ({"train": DataLoader(Samples(3), batch_size=9, drop_last=True)}, ValueError, r"empty: len\(DataLoader\) is 0.*do: .*drop_last"),
    "empty stream": ({"train": Stream()}, ValueError, r"empty: epoch 1 gave no batch.*do: check what makes"),
    "empty loader of a stream": ({"train": DataLoader(Stream())}, ValueError, r"empty: epoch 1 gave no batch.*do"),
    "empty list": ({"train": []}, ValueError, r"empty: len\(list\) is 0.*do: check"),
    "empty own": ({"train": NoBatches()}, ValueError, r"empty: epoch 1 gave no batch.*do: check"),
    "lengths": ({"train": (X, Y[:30])}, ValueError, r"inputs and targets differ in length: 33 \(33, 3\) and 30 \(30, 1\).*do: give one target"),
    "two devices": ({"train": (X, Y.to("meta"))}, ValueError, r"inputs is on cpu and targets on meta.*do: put both on one device"),
    "a generator for two epochs": ({"train": batches(), "epochs": 2}, ValueError, r"train is a generator, which is used up after one pass.*do: pass a list"),
    "an iterator for two epochs": ({"train": iter([(X, Y)]), "epochs": 2}, ValueError, r"train is a list_iterator.*do: pass a list"),
    "a map for two epochs": ({"train": map(list, [(X, Y)]), "epochs": 2}, ValueError, r"train is a map, which is used up.*do"),
    "batches of three": ({"train": [(X, X, Y)]}, TypeError, r"batch 1 is a tuple of 3, and a pair.*do: .*several inputs go into one"),
    "batches of dicts": ({"train": [{"x": X, "y": Y}]}, TypeError, r"batch 1 is a dict of 2, and a pair.*do: make the data set return"),
    "batches without targets": ({"train": DataLoader(TENSOR, batch_size=2)}, TypeError, r"batch 1 is a Tensor of shape \(2, 3\).*do: make the"),
    "three in a TensorDataset": ({"train": TensorDataset(X, X, Y)}, TypeError, r"holds 3 tensors, and a pair.*do: pass \(\(first, second\)"),
    "loader of three": ({"train": DataLoader(TensorDataset(X, X, Y))}, TypeError, r"batch 1 is a list of 3.*do: make the data set"),
    "text": ({"train": (X, np.array(["cat"] * 33))}, TypeError, r"targets: got an array of text.*do: encode it as numbers"),
    "objects": ({"train": (np.array([[None]] * 33), Y)}, TypeError, r"inputs: got an array of Python objects.*do"),
    "categories": ({"train": (pd.DataFrame({"kind": pd.Categorical(["a"] * 33)}), Y)}, TypeError, r"inputs: columns 'kind' \(category\).*do: drop"),
    "ragged": ({"train": ([[1.0], [1.0, 2.0]], [1.0, 2.0])}, TypeError, r"inputs: got a list whose rows differ.*do: make all rows"),
    "NaN": ({"train": (with_nan(), Y)}, ValueError, r"train: inputs\[7, 1\] is NaN, the first of 4 in 99 values.*do: drop or fill"),
    "NaN in targets": ({"train": (X, with_nan(X))}, ValueError, r"train: targets\[7, 1\] is NaN.*do: drop"),
    "NaN in a dict": ({"train": ({"a": X, "b": with_nan()}, Y)}, ValueError, r"train: inputs\['b'\]\[7, 1\] is NaN.*do"),
    "NaN in a frame": ({"train": (frame_with_nan(), Y)}, ValueError, r"train: inputs, row 7, column 'width', is NaN.*do: drop"),
    "NaN in a TensorDataset": ({"train": TensorDataset(with_nan(), Y)}, ValueError, r"train: inputs\[7, 1\] is NaN.*do"),
    "NA in a nullable column": (
        {"train": (pd.DataFrame({"age": pd.array([1] * 32 + [pd.NA], dtype="Int64")}), Y)}, ValueError,
        r"train: inputs, row 32, column 'age', is NaN.*do: drop",
    ),
    "a single number": ({"train": (X, torch.tensor(1.0))}, ValueError, r"targets is a single number.*do: give it a first"),
    "a file is missing": ({"train": Missing()}, FileNotFoundError, r"image_7\.png.*while fetching batch 1 of epoch 1"),
}  # fmt: skip

FIRST_BATCH: dict[str, Case] = {
    "float64 data": ({"train": (X.double(), Y.double())}, ValueError, r"forward failed: inputs is float64 and the model's weights are float32.*do: give both one type"),
    "float64 data in a loader": ({"train": DataLoader(TensorDataset(X.double(), Y))}, ValueError, r"forward failed: inputs is float64.*do: give both one"),
    "float64 data for a norm": ({"model": Normed, "train": (X.double(), Y)}, ValueError, r"forward failed: inputs is float64.*do: give both one"),
    "integer inputs": ({"train": (torch.ones(33, 3, dtype=torch.int64), Y)}, ValueError, r"inputs is int64 and the model's weights are float32.*do: .*inputs\.to\(torch\.float32\)"),
    "integer array": ({"train": (np.ones((33, 3), dtype="i4"), Y)}, ValueError, r"inputs is int64 and the model's weights.*do"),
    "data on another device": ({"train": (X.to("meta"), Y.to("meta"))}, ValueError, r"inputs is on meta and the model on cpu.*do: put both on one device.*model\.to\('meta'\)"),
    "model on another device": ({"model": lambda: network().to("meta")}, ValueError, r"inputs is on cpu and the model on meta.*do: put both.*model\.to\('cpu'\)"),
    "loader on another device": ({"model": lambda: network().to("meta"), "train": DataLoader(Samples())}, ValueError, r"inputs is on cpu and the model on meta.*do: put both"),
    "too few features": ({"train": (X[:, :2], Y)}, ValueError, r"given 2 features \(32 rows of them\) and takes 3; the inputs are \(32, 2\).*do: make that layer Linear\(2, 4\)"),
    "floats for an Embedding": (
        {"model": lambda: nn.Sequential(nn.Embedding(5, 1), nn.Flatten(), nn.Linear(3, 1))}, ValueError,
        r"inputs is float32, and the Embedding takes whole numbers.*do: inputs\.long",
    ),
    "number beyond an Embedding": (
        {"model": lambda: nn.Sequential(nn.Embedding(5, 1), nn.Flatten(), nn.Linear(3, 1)), "train": (torch.full((33, 3), 5), Y)},
        ValueError, r"inputs goes up to 5, and the Embedding has 5 rows, 0 to 4.*do: give the Embedding",
    ),
    "(B, 1) against (B,)": ({"train": (X, Y[:, 0])}, ValueError, r"prediction \(32, 1\) and targets \(32,\) broadcast to \(32, 32\).*do: make the shapes equal: targets\.unsqueeze\(-1\)"),
    "(B,) against (B, 1)": ({"model": lambda: Returns(lambda p, _: p[:, 0])}, ValueError, r"prediction \(32,\) and targets \(32, 1\) broadcast.*do: .*targets\.squeeze\(-1\)"),
    "shapes that do not fit": ({"model": partial(network, 2), "train": (X, X)}, ValueError, r"prediction \(32, 2\) and targets \(32, 3\) do not fit.*do: make the shapes equal"),
    "whole targets for squares": ({"train": (X, CLASSES[:, None])}, TypeError, r"targets are int64, and MSELoss needs the prediction's float32.*do: targets\.to\(torch\.float32\)"),
    "model returns a tuple": ({"model": lambda: Returns(lambda p, x: (p, x))}, TypeError, r"the model returned a tuple of 2, and MSELoss takes one tensor.*do: return only the prediction"),
    "model returns a dict": ({"model": lambda: Returns(lambda p, x: {"out": p})}, TypeError, r"the model returned a dict of 1, and MSELoss.*do: return only"),
    "a tuple for a loss of one's own": (
        {"model": lambda: Returns(lambda p, x: (p, x)), "loss_fn": lambda p, t: ((p - t) ** 2).mean()}, TypeError,
        r"loss failed: unsupported operand.*the model returned a tuple of 2.*do: return only",
    ),
    "model returns None": ({"model": lambda: Returns(lambda p, x: None)}, TypeError, r"the model returned None.*do: return the prediction"),
    "several targets": ({"train": (X, (Y, Y))}, TypeError, r"the targets are a tuple of 2, and MSELoss takes one tensor.*do: give one tensor"),
    "loss no scalar": ({"loss_fn": nn.MSELoss(reduction="none")}, ValueError, r"MSELoss returned shape \(32, 1\), and a scalar.*do: reduction='mean'"),
    "own loss no scalar": ({"loss_fn": lambda p, t: (p - t) ** 2}, ValueError, r"<lambda> returned shape \(32, 1\).*do: .*\.mean\(\)"),
    "loss a float": ({"loss_fn": lambda p, t: functional.mse_loss(p, t).item()}, TypeError, r"<lambda> returned of type float.*scalar tensor.*do: return the tensor itself"),
    "loss a tuple": ({"loss_fn": lambda p, t: (functional.mse_loss(p, t), 0)}, TypeError, r"returned a tuple of 2, and a scalar tensor.*do: return the tensor"),
    "loss None": ({"loss_fn": lambda p, t: None}, TypeError, r"<lambda> returned None.*do: return the tensor"),
    "loss detached": ({"loss_fn": lambda p, t: functional.mse_loss(p.detach(), t)}, ValueError, r"the loss has no graph.*do: look for \.detach\(\)"),
    "prediction detached": ({"model": lambda: Returns(lambda p, x: p.detach())}, ValueError, r"the loss has no graph.*reach no parameter.*do: look"),
    "class too high": (CE | {"train": (X, CLASSES + 1)}, ValueError, r"targets lie between 1 and 3, and the model gives 3 classes, 0 to 2.*do: count the classes from 0"),
    "class too high in the last row": (
        CE | {"train": (X, torch.cat((CLASSES[:32], torch.tensor([9])))), "shuffle": False}, ValueError,
        r"targets lie between 0 and 9, and the model gives 3.*do: count",
    ),
    "negative class": (CE | {"train": (X, CLASSES - 1)}, ValueError, r"targets lie between -1 and 1.*do: count the classes"),
    "one logit": (CE | {"model": network}, ValueError, r"prediction \(32, 1\) has one logit for each sample.*always be 0.*do: .*BCEWithLogitsLoss"),
    "float classes": (CE | {"train": (X, CLASSES.float())}, TypeError, r"targets are float32, and CrossEntropyLoss needs class indices of int64.*do: targets\.long"),
    "classes in a column": (CE | {"train": (X, CLASSES[:, None])}, ValueError, r"targets \(32, 1\) and prediction \(32, 3\).*do: targets\.squeeze\(1\)"),
    "one-hot whole numbers": (CE | {"train": (X, functional.one_hot(CLASSES, 3))}, ValueError, r"targets \(32, 3\) and prediction \(32, 3\).*do: targets\.argmax\(1\)"),
    "probabilities for NLL": (CE | {"loss_fn": nn.NLLLoss(), "train": (X, torch.rand(33, 3))}, ValueError, r"NLLLoss takes one class index.*do: targets\.argmax"),
    "logits for BCE": (BCE | {"loss_fn": nn.BCELoss()}, ValueError, r"prediction lies between -.* and .*BCELoss needs probabilities.*do: .*BCEWithLogitsLoss"),
    "targets outside 0 to 1": (BCE | {"train": (X, 1 + (Y > 0).float())}, ValueError, r"targets lie between 1 and 2, and BCEWithLogitsLoss needs.*0 and 1.*do: give 0\.0"),
    "whole targets for BCE": (BCE | {"train": (X, (Y > 0).long())}, TypeError, r"targets are int64, and BCEWithLogitsLoss.*do: targets\.to\(torch\.float32\)"),
    "bool targets for BCE": (BCE | {"train": (X, Y > 0)}, TypeError, r"targets are bool, and BCEWith.*do: targets\.to"),
    "(B, 1) against (B,) for BCE": (BCE | {"train": (X, (Y[:, 0] > 0).float())}, ValueError, r"prediction \(32, 1\) and targets \(32,\).*do: .*unsqueeze"),
    "last batch of one": ({"model": Normed}, ValueError, r"33 samples in batches of 32 leave a last batch of 1, and BatchNorm1d.*do: batch_size=33"),
    "last batch of one, own data": ({"model": Normed, "train": Samples()}, ValueError, r"33 samples in batches of 32.*do: batch_size=33"),
    "last batch of one, loader": ({"model": Normed, "train": DataLoader(Samples(), batch_size=16)}, ValueError, r"33 samples in batches of 16.*do: batch_size=17"),
    "batches of one": ({"model": Normed, "batch_size": 1}, ValueError, r"BatchNorm cannot train on a batch of one sample \(inputs \[\(1, 3\)\]\).*do: choose a batch_size"),
}  # fmt: skip

VALIDATION: dict[str, Case] = {
    "a share": ({"validate": 0.2}, TypeError, r"validate=0\.2 is a number, and data was expected.*do: train, validate = fivestep\.split"),
    "True": ({"validate": True}, TypeError, r"validate=True is a number.*do: train, validate = "),
    "patience without": ({"patience": 3}, ValueError, r"patience.* need a value to watch, and there is no validation.*do: give validate="),
    "restore_best without": ({"restore_best": True}, ValueError, r"restore_best.* need a value to watch.*do: .*monitor='loss'"),
    "metrics without": ({"metrics": a_metric}, ValueError, r"metrics was given without validate.*do: give validate="),
    "validate_every without": ({"validate_every": 5}, ValueError, r"validate_every was given without validate.*do: give"),
    "unknown monitor": ({"validate": (X, Y), "monitor": "val_loss"}, ValueError, r"monitor='val_loss' was given.*do: choose one of \['loss', 'validation_loss'\]"),
    "monitor without validation": ({"monitor": "validation_loss"}, ValueError, r"monitor='validation_loss'.*do: choose one of \['loss'\]"),
    "metric without mode": ({"validate": (X, Y), "metrics": {"r2": a_metric}, "monitor": "validation_r2"}, ValueError, r"'validation_r2' was given without mode.*do: mode='max'"),
    "two metrics of one name": ({"validate": (X, Y), "metrics": [a_metric, a_metric]}, ValueError, r"'a_metric', 'a_metric'\] have the same name.*do: name them"),
    "metric class": ({"validate": (X, Y), "metrics": nn.MSELoss}, TypeError, r"metric 'MSELoss' is .*do: pass the function itself, or an instance"),
    "metric name": ({"validate": (X, Y), "metrics": ["accuracy"]}, TypeError, r"metric 'str' is of type str.*do: pass"),
    "no rows": ({"validate": (X[:0], Y[:0])}, ValueError, r"validate: the data set is empty.*do: check"),
    "one tensor": ({"validate": X}, TypeError, r"validate: the data is a Tensor.*do: pass a pair"),
    "lengths": ({"validate": (X, Y[:3])}, ValueError, r"validate: inputs and targets differ in length.*do: give"),
    "NaN": ({"validate": (X, with_nan(X)[:, 1:2])}, ValueError, r"validate: targets\[7, 0\] is NaN.*do: drop"),
    "a generator": ({"validate": batches(), "epochs": 2}, ValueError, r"validate is a generator, which is used up.*do: pass a list"),
    "a generator by updates": ({"validate": batches(), "validate_every": 1}, ValueError, r"validate is a generator.*do: pass"),
    "float64": ({"validate": (X.double(), Y)}, ValueError, r"validate: forward failed: inputs is float64.*do: give both"),
    "too few features": ({"validate": (X[:, :2], Y)}, ValueError, r"validate: forward failed: a layer was given 2 features.*do"),
    "shapes": ({"validate": (X, Y[:, 0])}, ValueError, r"validate: prediction \(32, 1\) and targets \(32,\).*do: make the shapes"),
    "class too high": (CE | {"validate": (X, CLASSES + 1)}, ValueError, r"validate: targets lie between 1 and 3.*do: count"),
    "no pairs in a loader": ({"validate": DataLoader(TENSOR)}, TypeError, r"validate: batch 1 is a Tensor.*do: make"),
}  # fmt: skip

TABLE = {
    f"{title}: {name}": case
    for title, table in {
        "options": OPTIONS, "objects": OBJECTS, "data": DATA, "first batch": FIRST_BATCH,
        "validation": VALIDATION,
    }.items()
    for name, case in table.items()
}  # fmt: skip


def call(given: dict[str, Any], model: Any, **more: Any) -> Run:
    """Call ``fit`` as it works, but for what is given."""
    options: Any = {"loss_fn": nn.MSELoss(), "train": (X, Y), "epochs": 1, "progress": False}
    options |= more | given
    options.pop("model", None)
    if isinstance(options.get("optimizer"), tuple):
        options["optimizer"] = options["optimizer"][1](model)
    elif "optimizer" not in options:
        options["optimizer"] = sgd(model)
    if isinstance(options.get("schedule"), tuple):
        options["schedule"] = options["schedule"][1](options["optimizer"])
    return fit(
        model, options.pop("loss_fn"), options.pop("optimizer"), options.pop("train"), **options
    )


def state_of(model: Any) -> Any:
    if not isinstance(model, nn.Module) or any(p.is_meta for p in model.parameters()):
        return None
    if any(isinstance(p, nn.parameter.UninitializedParameter) for p in model.parameters()):
        return None
    parameters = {name: p.detach().clone() for name, p in model.named_parameters()}
    return parameters, [module.training for module in model.modules()]


def hooks_of(model: Any) -> int:
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    return sum(len(m._forward_pre_hooks) + len(m._forward_hooks) for m in modules)  # pyright: ignore


def words_of(error: BaseException) -> str:
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


def test_the_call_that_every_row_spoils_works() -> None:
    assert call({}, network()).reason == "finished"


@pytest.mark.parametrize("name", TABLE)
def test_bad_input(name: str, tmp_path: Path) -> None:
    given, kind, words = TABLE[name]
    model = given.get("model", network)()
    before, hooks = state_of(model), hooks_of(model)
    random_numbers = torch.get_rng_state()
    more: Any = {} if "record" in given else {"record": tmp_path / "run.jsonl"}
    with pytest.raises(kind) as caught:
        call(given, model, **more)
    assert type(caught.value) is kind
    assert re.search(words, words_of(caught.value), re.DOTALL), words_of(caught.value)
    assert_same(state_of(model), before)
    assert hooks_of(model) == hooks
    if "optimizer" not in given and isinstance(model, nn.Module):
        assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.get_rng_state(), random_numbers) or "optimizer" in given
    assert not list(tmp_path.iterdir())  # nothing was trained, and the name is free for another try


WITH_VALIDATION = [
    name for name in TABLE if name.startswith("first batch") and "of one, own" not in name
]


@pytest.mark.parametrize("name", WITH_VALIDATION)
def test_the_words_are_as_good_with_a_validation(name: str) -> None:
    """The validation is rehearsed before the first batch is trained, and so is met first."""
    given, kind, words = TABLE[name]
    only_in_training = ("batch of one", "batches of one", "last row", "detached", "loss a float")
    healthy = any(part in name for part in only_in_training)
    data = given.get("train", (X, Y))
    validate = (X, CLASSES if "loss_fn" in given and "row" in name else Y) if healthy else data
    with pytest.raises(kind) as caught:
        call(given | {"validate": validate}, given.get("model", network)())
    assert re.search(words, words_of(caught.value), re.DOTALL), words_of(caught.value)
    assert words_of(caught.value).startswith("validate: ") != healthy


# --- The record ------------------------------------------------------------------------------


def test_a_record_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    model = network()
    before = state_of(model)
    for where in ("file/run.jsonl", "file/runs"):
        with pytest.raises(OSError, match=r"record: cannot write .*file.*\n  do: name a directory"):
            call({"record": tmp_path / where}, model)
    assert_same(state_of(model), before)


def test_a_record_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    model = network()
    before = state_of(model)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(
        PermissionError, match=r"record: cannot write .*run\.jsonl: Permission denied\n  do: name a"
    ):
        call({"record": tmp_path / "run.jsonl"}, model)
    assert_same(state_of(model), before)


def test_a_record_that_exists(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("a run of yesterday")
    with pytest.raises(FileExistsError, match=r"run\.jsonl exists already.*\n  do: name another"):
        call({"record": path}, network())
    assert path.read_text() == "a run of yesterday"


def test_a_mistake_found_before_the_start_leaves_no_file(tmp_path: Path) -> None:
    """The second attempt, with the mistake mended, must not find its own file in the way."""
    for name in ("options: epochs 0", "data: lengths", "validation: float64", "validation: NaN"):
        given, kind, _ = TABLE[name]
        with pytest.raises(kind):
            call(given | {"record": tmp_path / "run.jsonl"}, given.get("model", network)())
        assert list(tmp_path.iterdir()) == []


def test_an_iterable_used_up_after_one_epoch_is_told_when_it_shows() -> None:
    with pytest.raises(ValueError, match=r"empty: epoch 2 gave no batch\n  do: .*start anew"):
        call({"train": Exhausted(), "epochs": 3}, network())


def test_a_failure_in_the_middle_says_where() -> None:
    def breaks() -> Iterator[Any]:
        yield X, Y
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone") as caught:
        call({"train": breaks()}, network())
    assert "while fetching batch 2 of epoch 1" in words_of(caught.value)


def test_an_unknown_failure_keeps_its_type_and_gets_a_note() -> None:
    class OddError(Exception):
        pass

    def fails(prediction: Any, targets: Any) -> Any:
        raise OddError("odd")

    with pytest.raises(OddError, match="odd") as caught:
        call({"loss_fn": fails}, network())
    assert "in loss, with inputs (32, 3) float32, targets (32, 1) float32" in words_of(caught.value)


# --- Unusual, but right ----------------------------------------------------------------------


class MovesItsInputs(nn.Module):
    """Brings whatever it is given to its own type, as some models do for their device."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, x: Any) -> Any:
        return self.layer(x.to(self.layer.weight.dtype))


class Folded(nn.Module):
    """Time steps folded into rows: BatchNorm1d sees more rows than there are samples."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.layer = nn.BatchNorm1d(1), nn.Linear(3, 1)

    def forward(self, x: Any) -> Any:
        return self.layer(self.norm(x.reshape(-1, 1)).reshape(x.shape))


class OwnSquares(nn.MSELoss):
    """A subclass may broadcast on purpose."""

    def forward(self, input: Any, target: Any) -> Any:  # noqa: A002 (the name that torch gave it)
        return ((input - target) ** 2).mean()


class Complex(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 1, dtype=torch.complex64))

    def forward(self, x: Any) -> Any:
        return (x.to(torch.complex64) @ self.weight).abs()


class Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, x: Any, mask: Any) -> Any:
        return self.layer(x * mask.exp())


def nan_aware(prediction: Any, targets: Any) -> Any:
    known = ~targets.isnan()
    return functional.mse_loss(prediction[known], targets[known])


def conv(final: Any = None) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 1), *(final or ())
    )


IMAGES = torch.randn(33, 1, 3, 3, generator=torch.Generator().manual_seed(5))
PIXELS = torch.randint(0, 3, (33, 4, 4), generator=torch.Generator().manual_seed(6))
MASK = torch.where(torch.arange(3) < 2, 0.0, -torch.inf).expand(33, 3)
IGNORED = torch.where(torch.arange(33) % 3 == 0, -100, CLASSES)

FRESH = object()  # to be made anew for the test, because it is used up by it

RIGHT: dict[str, dict[str, Any]] = {
    "soft targets": CE | {"train": (X, torch.rand(33, 3).softmax(1))},
    "ignored classes": CE | {"train": (X, IGNORED), "batch_size": 33},
    "an ignore_index of one's own": CE | {
        "train": (X, torch.where(torch.arange(33) % 3 == 0, 255, CLASSES)),
        "loss_fn": nn.CrossEntropyLoss(ignore_index=255),
        "batch_size": 33,
    },
    "uint8 classes": CE | {"train": (X, CLASSES.to(torch.uint8))},
    "uint8 classes of NumPy": CE | {"train": (X.numpy(), CLASSES.numpy().astype("u1"))},
    "nullable classes": CE | {"train": (pd.DataFrame(X.numpy()), pd.Series(CLASSES.numpy(), dtype="Int64"))},
    "pixels of classes": CE | {"model": lambda: nn.Conv2d(1, 3, 1), "train": (torch.randn(33, 1, 4, 4), PIXELS)},
    "smoothed labels": CE | {"loss_fn": nn.CrossEntropyLoss(label_smoothing=0.1)},
    "BatchNorm2d and a last batch of one": {"model": conv, "train": (IMAGES, Y)},
    "BatchNorm1d over folded steps and a last batch of one": {"model": Folded},
    "BatchNorm1d and a loader that drops": {"model": Normed, "train": DataLoader(Samples(), batch_size=32, drop_last=True)},
    "frozen BatchNorm1d and a last batch of one": {"model": lambda: (m := Normed()).norm.eval() and m},
    "a generator for one epoch": {"train": (FRESH, batches)},
    "an iterator to validate on once": {"validate": (FRESH, lambda: iter([(X, Y)]))},
    "a loss that picks from a tuple": {"model": lambda: Returns(lambda p, x: (p, x)), "loss_fn": lambda p, t: functional.mse_loss(p[0], t)},
    "a loss of a dict": {"model": lambda: Returns(lambda p, x: {"out": p}), "loss_fn": lambda p, t: functional.mse_loss(p["out"], t)},
    "a model that converts its inputs": {"model": MovesItsInputs, "train": (X.double(), Y)},
    "NaN through a loader": {"train": DataLoader(TensorDataset(X, with_nan()[:, 1:2]), batch_size=8), "loss_fn": nan_aware},
    "infinite masks": {"model": Masked, "train": ((X, MASK), Y)},
    "infinite data that is masked": {"model": lambda: Returns(lambda p, x: p), "train": (X, torch.full_like(Y, torch.inf)), "loss_fn": lambda p, t: p.square().mean()},
    "an optimizer of a part": {"optimizer": of_model(lambda m: torch.optim.SGD(m[2].parameters(), lr=0.1))},
    "an optimizer of more than the model": {"optimizer": of_model(lambda m: torch.optim.SGD([*m.parameters(), nn.Parameter(torch.zeros(1))], lr=0.1))},
    "a frozen part": {"model": lambda: (m := network())[0].requires_grad_(False) and m},
    "a subclass of a loss": {"loss_fn": OwnSquares(), "train": (X, Y[:, 0])},
    "a broadcasting loss of one's own": {"loss_fn": lambda p, t: (p - t).square().mean(), "train": (X, Y[:, 0])},
    "complex weights": {"model": Complex},
    "a partial": {"loss_fn": partial(functional.huber_loss, delta=2.0)},
    "a rate in a tensor": {"optimizer": of_model(lambda m: torch.optim.SGD(m.parameters(), lr=torch.tensor(0.1)))},
    "several groups": {"optimizer": of_model(lambda m: torch.optim.SGD([{"params": m[0].parameters(), "lr": 0.01}, {"params": m[2].parameters()}], lr=0.1))},
    "targets in float64": {"train": (X, Y.double())},
    "targets that are not needed": {"train": (X, [0] * 33), "loss_fn": lambda p, t: p.square().mean()},
    "a loss of shape (1,)": {"loss_fn": lambda p, t: functional.mse_loss(p, t).reshape(1)},
    "probabilities between the classes": BCE | {"train": (X, torch.rand(33, 1))},
    "sigmoid and BCE": BCE | {"model": lambda: nn.Sequential(network(), nn.Sigmoid()), "loss_fn": nn.BCELoss()},
    "one sample": {"train": (X[:1], Y[:1])},
    "a data set over a list": {"train": list(zip(X.split(8), Y.split(8), strict=True))},
    "a frame of bools and floats": {"train": (pd.DataFrame({"a": X[:, 0], "b": X[:, 1] > 0, "c": 1}), Y)},
    "bfloat16": {"model": lambda: network().bfloat16(), "train": (X.numpy(), Y.numpy())},
    "a schedule with steps to spare": {"schedule": of_optimizer(lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=50)), "schedule_every": "update"},
    "patience on the training's own loss": {"monitor": "loss", "patience": 1},
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_unusual_but_right(name: str) -> None:
    given: Any = {
        key: value[1]() if isinstance(value, tuple) and value[0] is FRESH else value
        for key, value in RIGHT[name].items()
    }
    model: Any = given.get("model", network)()
    before = state_of(model)
    run = call(given, model)
    assert run.reason == "finished"
    assert any(not torch.equal(before[0][n], p) for n, p in model.named_parameters())


def test_a_function_with_a_list_of_parameters_is_a_model() -> None:
    weights = [nn.Parameter(torch.zeros(3, 1)), nn.Parameter(torch.zeros(1))]
    run = fit(
        lambda x: x @ weights[0] + weights[1], nn.MSELoss(), torch.optim.SGD(weights, lr=0.1), (X, Y),
        epochs=2, validate=(X, Y), progress=False,
    )  # fmt: skip
    assert run.reason == "finished"
    assert run.best is not None
    assert run.best_weights is None
    assert all(bool(weight.any()) for weight in weights)


def test_the_tables_are_as_long_as_promised() -> None:
    assert len(TABLE) >= 55
    assert len(RIGHT) >= 20
