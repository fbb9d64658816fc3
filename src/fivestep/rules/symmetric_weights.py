"""All units of a layer start with the same weights, and so can never differ.

*Why is this bad?*
Units with equal weights compute the same output and get the same gradient, update after update: a
layer of 64 is worth one. With zeros in two layers not even that one moves, for each waits for the
other.

*What to do*
Leave the random initialisation of PyTorch in place, or draw the weights (constants are for biases):

    nn.init.kaiming_uniform_(layer.weight)

*When it is wrong*
A last layer of zeros, the zero branch of a residual block, logistic regression from zero: their
units get different gradients and part at once, which is what is looked at. Only layers whose units
stay equal over several updates are named, or a stack in which every layer is constant.

Source: Goodfellow, Bengio, Courville, Deep Learning (2016), section 8.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from torch import nn

from fivestep.finding import Finding, Severity
from fivestep.practice import Practice
from fivestep.vitals import ModelFacts, ParameterFacts, Record

SEVERITY = Severity.WRONG
NEEDS = ("forward",)
EXPLAINS = (
    "dead-units", "collapsed-output", "gradientless-parameter", "vanishing-gradient", "tiny-update",
    "flat-loss",
)  # fmt: skip

# Updates over which the units stay equal. Sick layers (2 to 257 units, three activations, SGD, Adam,
# RMSprop, float32 and bfloat16): all of 20. Zero heads and branches: 1, in a chain of zeros 2 or 3.
UPDATES = 5
GATES = {"RNN": 1, "RNNCell": 1, "LSTM": 4, "LSTMCell": 4, "GRU": 3, "GRUCell": 3}  # of a unit
LAYERS = ("Linear", "Conv1d", "Conv2d", "Conv3d", "Bilinear", "NonDynamicallyQuantizableLinear")


def check(record: Record) -> Iterator[Finding]:
    """Rows of a weight are equal before the first update and stay so."""
    for model in record.models:
        own = [record.parameters[one] for one in model.parameters]
        layers = [one for one in own if one.model == model.number and _layer(one)]
        recurrent = [one for one in own if one.model == model.number and _recurrent(one)]
        stuck = [one for one in [*recurrent, *layers] if _stays_equal(one)]
        stuck = stuck or (_constant_stack(layers) if layers else [])
        if stuck:
            yield _say(stuck, layers, model, record)
    yield from _written_by_hand(record)


def _written_by_hand(record: Record) -> Iterator[Finding]:
    """Two matrices of no layer of PyTorch's, both constant at first: units stay equal in both."""
    loose = [
        one for one in record.parameters
        if one.requires_grad and one.owner not in (*LAYERS, *GATES)
        and len(one.shape) == 2 and _constant(one)
    ]  # fmt: skip
    for first, second in pairwise(loose):
        units = _units(first, second)
        if units > 1 and _stirred(first) and _stirred(second):
            yield _say_by_hand(first, second, units, record)


def _units(first: ParameterFacts, second: ParameterFacts) -> int:
    """Hidden units between two matrices, equal in both after several updates; 0 if there are none.

    ``x @ first @ second``, or as PyTorch writes its layers, (outputs, inputs).
    """
    if first.shape[1] == second.shape[0] and min(first.columns, second.alike) >= UPDATES:
        return first.shape[1]
    if first.shape[0] == second.shape[1] and min(first.alike, second.columns) >= UPDATES:
        return first.shape[0]
    return 0


def _stirred(facts: ParameterFacts) -> bool:
    return facts.moved >= UPDATES - 1 or (facts.graded >= UPDATES and not facts.nonzero)


def _layer(facts: ParameterFacts) -> bool:
    return (
        facts.requires_grad and facts.owner in LAYERS and len(facts.shape) > 1 and facts.updates > 0
    )


def _recurrent(facts: ParameterFacts) -> bool:
    """Of an LSTM or its kind, whose units are compared gate by gate."""
    return facts.requires_grad and facts.owner in GATES and len(facts.shape) > 1


def _stays_equal(facts: ParameterFacts) -> bool:
    """Its units were changed, or asked to, again and again, and are still equal."""
    if facts.alike < UPDATES:
        return False
    return _stirred(facts)


def _constant_stack(layers: list[ParameterFacts]) -> list[ParameterFacts]:
    """Every layer is constant and one feeds another: random biases part the units, slowly."""
    if len(layers) < 2 or not all(_constant(one) for one in layers):
        return []
    rows = [one for one in layers if one.alike]
    hidden = [
        one for one in rows if any(_feeds(one, other) for other in layers if other is not one)
    ]
    return [one for one in hidden if one.alike > 1 or (one.initial or (0, 0))[0] != 0]


def _constant(facts: ParameterFacts) -> bool:
    return facts.initial is not None and facts.initial[0] == facts.initial[1]


def _feeds(facts: ParameterFacts, after: ParameterFacts) -> bool:
    units, inputs = facts.shape[0], after.shape[1]
    flattened = len(facts.shape) > 2 and len(after.shape) == 2
    return facts.number < after.number and (inputs == units or (flattened and inputs % units == 0))


def _say(
    stuck: list[ParameterFacts], layers: list[ParameterFacts], model: ModelFacts, record: Record
) -> Finding:
    first = stuck[0]
    units = first.shape[0] // GATES.get(first.owner, 1)
    value = first.initial[0] if first.initial else float("nan")
    constant = f" ({value:g})" if _constant(first) else ""
    still = not any(one.moved for one in stuck)
    cause = "units that start equal get equal gradients and stay equal"
    return Finding(
        message=f"{record.names(one.number for one in stuck)}: all {units} units have the same weights{constant}",
        cause="zeros in one layer keep the gradient of the other at zero: neither moves"
        if still
        else cause,
        fix=f"draw them at random: `nn.init.kaiming_uniform_({_path(first)})`",
        evidence={
            "units": units,
            "equal_updates": first.alike,
            "moved": first.moved,
            "layers": len(stuck),
            "of_layers": max(len(layers), len(stuck)),
        },
        site=model.site,
        iteration=1,
        count=first.alike,
    )


def _say_by_hand(
    first: ParameterFacts, second: ParameterFacts, units: int, record: Record
) -> Finding:
    value = first.initial[0] if first.initial else float("nan")
    both = record.names((first.number, second.number))
    still = not first.moved and not second.moved
    return Finding(
        message=f"{both} {first.shape} and {second.shape} start constant ({value:g}): "
        f"all {units} units between them are the same",
        cause="zeros in one layer keep the gradient of the other at zero: neither moves"
        if still
        else "units that start equal get equal gradients and stay equal",
        fix=f"draw the first at random: `torch.randn{first.shape} / {max(1, first.shape[0])} ** 0.5`",
        evidence={
            "units": units, "equal_updates": min(first.updates, second.updates),
            "moved": first.moved, "layers": 2, "of_layers": 2,
        },
        site=next((record.optimizers[one].site for one in first.optimizers), None),
        iteration=1,
        count=first.updates,
    )  # fmt: skip


def _path(facts: ParameterFacts) -> str:
    """How the weight is written: model[0].weight, model.fc1.weight."""
    path = ""
    for part in facts.name.split("."):
        path += f"[{part}]" if part.isdigit() else f".{part}"
    return f"model{path}"


def sick(practice: Practice) -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3))
    for parameter in model.parameters():
        nn.init.constant_(parameter, 0.1)
    model = practice.model(model)
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    first, last = nn.Linear(8, 16), nn.Linear(16, 3)
    nn.init.constant_(first.bias, 0.1)
    nn.init.zeros_(last.weight)  # a last layer may: its classes get different gradients
    model = nn.Sequential(first, nn.Tanh(), last)
    model = practice.model(model)
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
