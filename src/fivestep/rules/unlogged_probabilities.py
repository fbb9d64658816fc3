"""A loss that expects log-probabilities is given something else.

*Why is this bad?*
``nll_loss`` and ``kl_div`` take logarithms for granted. Given probabilities, ``nll_loss`` is the
negative of one of them: it runs from -1 to 0, its gradient says next to nothing about a confident
mistake, and the model learns slowly and badly. Given raw outputs it has no floor at all: the model
only has to make its numbers larger.

*What to do*
Take the logarithm with the softmax, in one stable step:

    loss = F.nll_loss(F.log_softmax(logits, dim=1), targets)

which is ``F.cross_entropy(logits, targets)``. For ``kl_div`` the first argument is
``F.log_softmax(...)`` and the second a probability.

*When it is wrong*
Logarithms that do not sum to one (weighted by an advantage, with a part of the mass left out) are
left alone as long as a logarithm can be seen behind them.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from fivestep.finding import Fact, Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.vitals import Loss, Record, TensorFacts
from fivestep.vitals.operations import made_by

SEVERITY = Severity.WRONG
NEEDS = ("loss",)
EXPLAINS = (
    "vanishing-gradient", "exploding-gradient", "huge-update", "tiny-update", "collapsed-output",
    "diverging-loss", "zigzag-loss", "flat-loss", "nonfinite-loss", "nonfinite-gradient",
    "dead-units",
)  # fmt: skip

LOGGED = ("nll_loss", "kl_div")
LOGARITHMS = (
    "LogSoftmaxBackward0",
    "LogBackward0",
    "LogsumexpBackward0",
    "Log1PBackward0",
    "Log2Backward0",
)
NEAR = 4  # operations behind the input in which a logarithm is looked for
ABOVE_ZERO = 0.01  # of a log-probability: log(p + 1e-8) and bfloat16 stay under 0.001
OVER_ONE = 1.1  # sum of exp over the classes; log_softmax in bfloat16 over 1000 classes: 1.02


def check(record: Record) -> Iterator[Finding]:
    """What goes into the loss is no logarithm of a probability."""
    unlogged = (
        (v, one) for v, one in record.events(Loss) if one.backward is not False and _unlogged(one)
    )
    for seen in sightings(unlogged):
        yield _say(seen)


def _unlogged(loss: Loss) -> bool:
    given = loss.prediction
    if loss.function not in LOGGED or given is None or not given.requires_grad:
        return False
    if made_by(given) == "SoftmaxBackward0":
        return True
    if any(name in LOGARITHMS for name in given.behind[:NEAR]):
        return False
    return _is_no_logarithm(loss.function, given)


def _is_no_logarithm(function: str, given: TensorFacts) -> bool:
    numbers = given.numbers
    if numbers is None or not numbers.finite:
        return False
    over_one = numbers.exp_sums[1] > OVER_ONE
    return over_one and (numbers.highest > ABOVE_ZERO or function == "nll_loss")


def _say(seen: Sighting[Loss]) -> Finding:
    first = seen.first
    made = "softmax" if made_by(first.prediction) == "SoftmaxBackward0" else "no logarithm"
    evidence: dict[str, Fact] = {"input_made_by": made}
    numbers = first.prediction.numbers if first.prediction else None
    span = ""
    if numbers is not None:
        evidence |= {"lowest": round(numbers.lowest, 4), "highest": round(numbers.highest, 4)}
        span = f" of {numbers.lowest:.3g} to {numbers.highest:.3g}"
    what = "probabilities" if made == "softmax" else "raw outputs"
    return seen.finding(
        message=f"{first.function} expects log-probabilities and is given {what}{span}",
        cause="without the logarithm a confident mistake costs no more than any other"
        if made == "softmax"
        else "the loss has no floor: it falls as long as the outputs grow, whatever they predict",
        fix=_fix(first.function, softmax=made == "softmax"),
        evidence=evidence,
    )


def _fix(function: str, *, softmax: bool) -> str:
    if function == "kl_div":
        return "give it the logarithm: `F.log_softmax(logits, dim=-1)` as its first argument"
    if softmax:
        return "take `log_softmax` in place of `softmax` before the loss"
    return "use `F.cross_entropy(logits, targets)`, or take `F.log_softmax(logits, dim=1)` first"


def sick(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(8, 3), nn.Softmax(dim=1)))
    loss_fn, optimizer = practice.loss("nll_loss"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(8, 3), nn.LogSoftmax(dim=1)))
    loss_fn, optimizer = practice.loss("nll_loss"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
