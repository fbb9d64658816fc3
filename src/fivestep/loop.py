"""The five steps of training, in plain sight.

    prediction = model(inputs)                 # forward
    loss = loss_fn(prediction, targets)        # loss
    optimizer.zero_grad()                      # zero_grad
    loss.backward()                            # backward
    optimizer.step()                           # update

Every training run is these five on repeat. ``train`` runs one of them, pauses, and goes on when
it is asked for the next; ``scratch.py`` is this file again in NumPy, gradients by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Any, NamedTuple

from fivestep.arguments import pairs, spread
from fivestep.closure import demands_closure, starting_from


class Step(Enum):
    """One of the five. There is never a sixth."""

    FORWARD = "forward"
    LOSS = "loss"
    ZERO_GRAD = "zero_grad"
    BACKWARD = "backward"
    UPDATE = "update"


class Moment(NamedTuple):
    """The loop, paused just after ``step``: live tensors and their graph. Look, don't keep."""

    step: Step
    iteration: int  # counts batches, from 1
    inputs: Any
    targets: Any
    prediction: Any
    loss: Any  # None until the loss has been computed


def train(
    model: Callable[..., Any],
    loss_fn: Callable[[Any, Any], Any],
    optimizer: Any,
    batches: Iterable[Any],
) -> Iterator[Moment]:
    """Train ``model`` on ``batches`` and pause after each of the five steps.

    Args:
        model: any ``nn.Module`` or callable. Its modes are left as they are.
        loss_fn: takes the prediction and the targets, returns a scalar tensor.
        optimizer: any ``torch.optim.Optimizer``. One whose ``step`` demands a closure (LBFGS) gets
            one, and evaluates the model as often as it likes within its one ``UPDATE``.
        batches: any iterable of ``(inputs, targets)``. A tuple of inputs becomes positional
            arguments and a dict keyword arguments where ``forward`` takes them so.

    Yields:
        A fresh ``Moment``, five for each batch. Leave the ``for`` at any of them: model and
        optimizer stay usable. A batch that is not a pair raises ``TypeError``.

    Source: https://docs.pytorch.org/tutorials/beginner/basics/optimization_tutorial.html
    """
    arguments = spread(model)
    wants_closure = demands_closure(optimizer)

    def reevaluate() -> Any:
        optimizer.zero_grad()
        loss = loss_fn(model(*args, **kwargs), targets)
        loss.backward()
        return loss

    for iteration, (inputs, targets) in enumerate(pairs(batches), start=1):
        args, kwargs = arguments(inputs)

        # 1. forward: what does the model say?
        prediction = model(*args, **kwargs)
        yield Moment(Step.FORWARD, iteration, inputs, targets, prediction, None)

        # 2. loss: how wrong is it?
        loss = loss_fn(prediction, targets)
        yield Moment(Step.LOSS, iteration, inputs, targets, prediction, loss)

        # 3. zero_grad: backward adds to the gradients that it finds, so it must find none
        optimizer.zero_grad()
        yield Moment(Step.ZERO_GRAD, iteration, inputs, targets, prediction, loss)

        # 4. backward: which way is down, for every parameter?
        loss.backward()
        yield Moment(Step.BACKWARD, iteration, inputs, targets, prediction, loss)

        # 5. update: a small step that way
        if wants_closure:
            optimizer.step(starting_from(loss, reevaluate, optimizer))
        else:
            optimizer.step()
        yield Moment(Step.UPDATE, iteration, inputs, targets, prediction, loss)
