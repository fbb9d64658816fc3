"""A place in the user's code, a tensor, a module and a graph, each in numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Site:
    """A line of the user's code: the innermost one outside torch, fivestep and other packages."""

    file: str
    line: int
    function: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(slots=True)
class Numbers:
    """Statistics of a tensor. ``lowest`` and ``highest`` see every element, the rest a sample.

    The sample is at most 64 rows of 64 elements (whole rows along the classes), evenly spaced. A
    row is one entry of the first dimension, and for a prediction of classes one vote: one entry of
    every dimension but the classes.
    """

    lowest: float  # NaN if any element is NaN
    highest: float
    mean: float
    std: float
    finite: bool  # of all elements
    zeros: float  # share of the sample
    integers: bool  # every sampled value is whole
    distinct: int  # different values in the sample
    counts: dict[str, int] | None  # of whole values, when at most 1,000 differ; of ALL rows <= 4096
    spread: float  # how much rows differ: mean over features of the std over rows
    feature_means: tuple[float, float]  # lowest and highest mean of a feature over the rows
    feature_stds: tuple[float, float]  # lowest and highest std of a feature over the rows
    row_sums: tuple[float, float]  # lowest and highest sum of a row (of exp too: see exp_sums)
    exp_sums: tuple[float, float]  # the same of exp(row): (1, 1) for log-probabilities
    digest: int  # equal samples have equal digests
    rows: tuple[int, ...] = ()  # inputs of a forward only: digest of each sampled row of 4 or more
    tenths: tuple[float, float] = (
        math.nan,
        math.nan,
    )  # a tenth of the sample is below, a tenth above


@dataclass(slots=True)
class TensorFacts:
    """A tensor as it was when the event happened."""

    shape: tuple[int, ...]
    dtype: str  # "float32", "int64", ...
    device: str  # "cpu", "cuda:0"
    requires_grad: bool
    leaf: bool
    identity: int  # same number in the same run: same memory
    behind: tuple[str, ...] = ()  # operations behind it, nearest first, at most 12
    numbers: Numbers | None = None  # in detailed iterations
    packed: bool = False  # its elements lie in memory in the order of its axes (no transpose)

    @property
    def floating(self) -> bool:
        """Its elements are floats."""
        return "float" in self.dtype

    @property
    def integral(self) -> bool:
        """Its elements are whole numbers."""
        return "int" in self.dtype


@dataclass(slots=True)
class Influence:
    """How far one sample of the prediction reaches back into the first layer's output.

    ``touched[d]`` counts the indices along dimension d of that output (shape ``shape``) which have
    a gradient from entry 0 along the prediction's first dimension.
    """

    module: str
    shape: tuple[int, ...]
    touched: tuple[int, ...]
    lowest: tuple[int, ...] = ()  # the first index touched along each dimension


@dataclass(slots=True)
class ModuleRun:
    """A module that really ran inside an outermost forward."""

    name: str  # its path in the model; "" for the model itself; "?" if it is not registered in it
    kind: str  # the class: "Linear", "BatchNorm1d"
    training: bool
    registered: bool  # found in model.modules(); False for one kept in a plain list or made inside
    fresh: bool  # not seen in an earlier forward though the model was (made inside forward)
    parameters: tuple[int, ...]  # its own, by their number in the record
    trainable: bool  # at least one of its own parameters requires a gradient
    leaf: bool  # it holds no other module
    input: TensorFacts | None = None
    output: TensorFacts | None = None
    momentum: float | None = None  # of a BatchNorm
    tracks: bool = False  # it keeps running statistics
    rate: float | None = None  # of a Dropout; of the dropout inside an RNN or an attention
    batch_first: bool | None = None  # of an RNN or an attention


@dataclass(slots=True)
class Node:
    """An operation of the graph behind a loss."""

    name: str  # "MseLossBackward0"; "AccumulateGrad" for a leaf
    shape: tuple[int, ...]  # of its result
    inputs: tuple[int, ...]  # positions of the nodes it takes from; -1 where no gradient goes
    parameter: int = -1  # of a leaf: its number in the record, -1 if it is nobody's parameter
    lowest: float | None = None  # of what the operation saved: operand of log, div (the divisor),
    highest: float | None = None  # pow; result of relu, sigmoid, tanh, softmax, exp, sqrt; a leaf
    dead: float | None = None  # relu: share of units zero for every row of the batch
    saturated: float | None = None  # sigmoid, tanh: share of units at an end for every row
    flat: float | None = None  # sigmoid, tanh: share of all values that are at an end
    made: tuple[int, ...] = ()  # ``at`` of the forwards and losses whose output it is
    tenths: tuple[float, float] | None = None  # abs, square: a tenth of its operand is below, above
    beside: tuple[int, ...] | None = None  # mul: shape of the factor that takes no gradient


@dataclass(slots=True)
class Graph:
    """The operations behind a loss; node 0 made the loss. At most 2,000, nearest first."""

    nodes: tuple[Node, ...]
    complete: bool

    def behind(self, position: int) -> Iterator[Node]:
        """The nodes that one takes from, where a gradient goes."""
        return (self.nodes[i] for i in self.nodes[position].inputs if i >= 0)

    def walk(self, limit: int = 12) -> Iterator[Node]:
        """The first ``limit`` nodes, nearest to the loss first."""
        return iter(self.nodes[:limit])
