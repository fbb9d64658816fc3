"""fivestep: `fit`, with the options that the trap is about."""

from __future__ import annotations

import torch

from fivestep import fit

from . import problems as p
from .measure import Seen

NAME, PACKAGE = "fivestep", "fivestep"


def run(model, loader, *, loss_fn=p.mean, lr=1.0, schedule=None, epochs=1, **options):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    if schedule:
        options |= {"schedule": schedule(optimizer), "schedule_every": "update"}
    made = fit(model, loss_fn, optimizer, loader, epochs=epochs, progress=False, **options)
    return made, optimizer


def tokens(batch):
    """How many items a batch holds, where that is not its samples."""
    return p.valid_tokens(batch[1])


def short_window():
    model = p.Weight()
    run(model, p.loader(p.samples(p.SIX)), accumulate=4)
    return Seen(model.w)


def own_loss(logits, labels):
    """A loss that nobody but its author knows: ``items`` has to tell what it is the mean of."""
    return p.token_loss(logits, labels)


OWN, TOLD = "a loss function of one's own", "the same and `items=`"


def unequal_tokens():
    def weight(loss_fn, **options):
        model = p.Tokens()
        run(model, p.loader(p.texts()), loss_fn=loss_fn, accumulate=4, **options)
        return model.w

    also = {OWN: weight(own_loss), TOLD: weight(own_loss, items=tokens)}
    return Seen(weight(p.token_loss), also)


def validated(model, loader, **options):
    """A learning rate of 0: the validation follows the epoch, and the weight must be the same."""
    made, _ = run(model, loader, validate=loader, lr=0.0, **options)
    return made.epochs[-1]


def uneven_evaluation():
    return Seen(validated(p.Weight(1.0), p.loader(p.samples(p.FIVE), 2))["validation_loss"])


def masked_evaluation():
    def loss(loss_fn, **options):
        model, loader = p.Tokens(1.0), p.loader(p.texts(), 2)
        return validated(model, loader, loss_fn=loss_fn, **options)["validation_loss"]

    return Seen(loss(p.token_loss), {OWN: loss(own_loss), TOLD: loss(own_loss, items=tokens)})


def nan_logged():
    """The run ends with the reason "nonfinite"; its last record of an update tells the loss."""
    made, _ = run(p.Rooted(), p.loader(p.samples(p.BREAKING)), log_every=1)
    if made.reason != "nonfinite":
        raise RuntimeError(f"the run ended for the reason {made.reason!r}")
    return Seen(made.history[-1]["loss"])


def nan_weight():
    model = p.Rooted()
    run(model, p.loader(p.samples(p.BREAKING)))
    return Seen(model.w)


def schedule_frequency():
    model = p.Weight()
    run(model, p.loader(p.samples(p.TEN)), accumulate=2, schedule=p.halving_every_two)
    return Seen(model.w)


def metric():
    def rmse(prediction, target):
        return torch.nn.functional.mse_loss(prediction, target).sqrt()

    loader = p.loader(p.samples(p.ERRORS), 2)
    return Seen(validated(p.Weight(1.0), loader, metrics=rmse)["validation_rmse"])


def validation_randomness():
    def weight(validate):
        model, four = p.Noisy(), p.loader(p.samples(p.FOUR))
        run(model, p.loader(p.samples(p.FOUR)), epochs=2, validate=four if validate else None)
        return model.w.item()

    return Seen(p.trace(weight))


def frozen_batchnorm():
    model, four = p.Frozen(), p.loader(p.samples(p.FOUR), 2)
    run(model, four, epochs=2, validate=p.loader(p.samples(p.FOUR), 2))
    return Seen(model.norm.running_mean)


def skipped_update():
    model = p.Half()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    updates = p.Updates(optimizer)
    fit(
        model, p.mean, optimizer, p.loader(p.samples(p.FOUR, torch.float32)), epochs=1,
        precision="float16", schedule=p.halving(optimizer), schedule_every="update",
        progress=False,
    )  # fmt: skip
    updates.must_be(3)
    return Seen(model.linear.weight)


def epoch_loss():
    made, _ = run(p.Weight(1.0), p.loader(p.samples(p.FIVE), 2), lr=0.0)
    return Seen(made.epochs[-1]["loss"])
