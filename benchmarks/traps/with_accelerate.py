"""Accelerate: the loop stays the user's own; what Accelerate has an idiom for is used.

Accumulation is `with accelerator.accumulate(model)`; losses and metrics are averaged as in the
`no_trainer` examples of Accelerate and Transformers.
"""

from __future__ import annotations

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState

from . import problems as p
from .measure import NoNotionError, Seen

NAME, PACKAGE = "Accelerate", "accelerate"


def accelerator(**options):
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    return Accelerator(cpu=True, **options)


def sgd(model, lr=1.0):
    return torch.optim.SGD(model.parameters(), lr=lr)


def accumulated(own, model, loss_fn, loader, schedule=None):
    optimizer = sgd(model)
    steps = schedule(optimizer) if schedule else None
    model, optimizer, loader, steps = own.prepare(model, optimizer, loader, steps)
    model.train()
    for x, y in loader:
        with own.accumulate(model):
            own.backward(loss_fn(model(x), y))
            optimizer.step()
            if steps:
                steps.step()
            optimizer.zero_grad()


def short_window():
    model = p.Weight()
    own = accelerator(gradient_accumulation_steps=4)
    accumulated(own, model, p.mean, p.loader(p.samples(p.SIX)))
    return Seen(model.w)


def unequal_tokens():
    model = p.Tokens()
    own = accelerator(gradient_accumulation_steps=4)
    accumulated(own, model, p.token_loss, p.loader(p.texts()))
    option = "the loop of its guide on variable-size samples, which counts the items by hand"
    return Seen(model.w, {option: counted_by_hand()})


def counted_by_hand():
    """The window is fetched first and its items counted; the loss is a sum over them."""
    own, model = accelerator(gradient_accumulation_steps=4), p.Tokens()
    wrapped, optimizer, loader = own.prepare(model, sgd(model), p.loader(p.texts()))
    window = list(loader)
    items = sum(p.valid_tokens(y) for _, y in window)
    for x, y in window:
        loss = p.token_loss(wrapped(x), y) * p.valid_tokens(y)
        own.backward(loss * own.gradient_accumulation_steps / items)
    optimizer.step()
    return model.w.item()


def evaluated(own, model, loss_fn, loader):
    """The loss is repeated for each sample of a full batch, gathered and averaged."""
    model, loader = own.prepare(model, loader)
    model.eval()
    losses = []
    for x, y in loader:
        with torch.no_grad():
            loss = loss_fn(model(x), y)
        losses.append(own.gather_for_metrics(loss.repeat(2)))
    return torch.cat(losses).mean()


def uneven_evaluation():
    loader = p.loader(p.samples(p.FIVE), 2)
    return Seen(evaluated(accelerator(), p.Weight(1.0), p.mean, loader))


def masked_evaluation():
    return Seen(evaluated(accelerator(), p.Tokens(1.0), p.token_loss, p.loader(p.texts(), 2)))


def trained(model, values, *, validate=False, epochs=1, lr=1.0, batch_size=1):
    own = accelerator()
    model, optimizer, loader, held_out = own.prepare(
        model, sgd(model, lr), p.loader(p.samples(values), batch_size),
        p.loader(p.samples(p.FOUR), batch_size),
    )  # fmt: skip
    total, loss = 0.0, torch.tensor(0.0)
    for _ in range(epochs):
        model.train()
        total = 0.0
        for x, y in loader:
            loss = p.mean(model(x), y)
            total += loss.detach().float()
            own.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
        model.eval()
        for x, _ in held_out if validate else ():
            with torch.no_grad():
                own.gather_for_metrics(model(x))
    return total.item() / len(loader), loss.item()


def nan_logged():
    return Seen(trained(p.Rooted(), p.BREAKING)[1])


def nan_weight():
    model = p.Rooted()
    trained(model, p.BREAKING)
    return Seen(model.w)


def schedule_frequency():
    own, model = accelerator(gradient_accumulation_steps=2), p.Weight()
    accumulated(own, model, p.mean, p.loader(p.samples(p.TEN)), p.halving_every_two)
    return Seen(model.w)


def metric():
    """Predictions and targets are gathered, and the metric is computed once over all of them."""
    own = accelerator()
    model, loader = own.prepare(p.Weight(1.0), p.loader(p.samples(p.ERRORS), 2))
    gathered = []
    for x, y in loader:
        with torch.no_grad():
            gathered.append(own.gather_for_metrics((model(x), y)))
    prediction, target = (torch.cat(part) for part in zip(*gathered, strict=True))
    return Seen(torch.nn.functional.mse_loss(prediction, target).sqrt())


def validation_randomness():
    def weight(validate):
        torch.manual_seed(0)
        model = p.Noisy()
        trained(model, p.FOUR, validate=validate, epochs=2)
        return model.w.item()

    return Seen(p.trace(weight))


def frozen_batchnorm():
    model = p.Frozen()
    trained(model, p.FOUR, validate=True, epochs=2, batch_size=2)
    return Seen(model.norm.running_mean)


def skipped_update():
    own, model = accelerator(mixed_precision="fp16"), p.Half()
    if own.scaler is None:
        raise NoNotionError(
            "not on the CPU, where it makes no gradient scaler (by its source the schedule waits "
            "for the optimizer; not run)"
        )
    accumulated(own, model, p.mean, p.loader(p.samples(p.FOUR, torch.float32)), p.halving)
    return Seen(model.linear.weight)


def epoch_loss():
    return Seen(trained(p.Weight(1.0), p.FIVE, lr=0.0, batch_size=2)[0])
