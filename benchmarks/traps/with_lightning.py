"""Lightning: a LightningModule, `self.log`, and the Trainer's options."""

from __future__ import annotations

import tempfile
from contextlib import suppress

import lightning
import torch
import torchmetrics
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.plugins.precision import MixedPrecision

from . import problems as p
from .measure import Seen

NAME, PACKAGE = "Lightning", "lightning"


class Module(lightning.LightningModule):
    """As its documentation writes one."""

    def __init__(self, model, loss_fn=p.mean, lr=1.0, schedule=None, count=None):
        super().__init__()
        self.model, self.loss_fn, self.lr, self.schedule = model, loss_fn, lr, schedule
        self.count = count
        self.rmse = torchmetrics.MeanSquaredError(squared=False).set_dtype(torch.float64)

    def training_step(self, batch):
        x, y = batch
        loss = self.loss_fn(self.model(x), y)
        self.log("loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch):
        x, y = batch
        prediction = self.model(x)
        size = {"batch_size": self.count(y)} if self.count else {}
        self.log("val_loss", self.loss_fn(prediction, y), **size)
        if prediction.shape == y.shape:
            self.rmse(prediction, y)
            self.log("rmse", self.rmse)

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.model.parameters(), lr=self.lr)
        self.updates = p.Updates(optimizer)
        return [optimizer], [self.schedule(optimizer)] if self.schedule else []


def fit(module, batches, validation=None, **options):
    usual = {
        "max_epochs": 1, "accelerator": "cpu", "logger": False, "enable_checkpointing": False,
        "enable_progress_bar": False, "enable_model_summary": False, "log_every_n_steps": 1,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        trainer = lightning.Trainer(default_root_dir=folder, **usual | options)
        trainer.fit(module, batches, validation)
    return trainer


def validated(module, batches):
    with tempfile.TemporaryDirectory() as folder:
        trainer = lightning.Trainer(
            default_root_dir=folder, accelerator="cpu", logger=False, enable_progress_bar=False
        )
        (values,) = trainer.validate(module, batches, verbose=False)
    return values


def short_window():
    model = p.Weight()
    fit(Module(model), p.loader(p.samples(p.SIX)), accumulate_grad_batches=4)
    return Seen(model.w)


def unequal_tokens():
    model = p.Tokens()
    fit(Module(model, p.token_loss), p.loader(p.texts()), accumulate_grad_batches=4)
    return Seen(model.w)


def uneven_evaluation():
    return Seen(validated(Module(p.Weight(1.0)), p.loader(p.samples(p.FIVE), 2))["val_loss"])


def masked_evaluation():
    def loss(count):
        module = Module(p.Tokens(1.0), p.token_loss, count=count)
        return validated(module, p.loader(p.texts(), 2))["val_loss"]

    return Seen(loss(None), {"`self.log(..., batch_size=tokens that count)`": loss(p.valid_tokens)})


def nan_logged():
    trainer = fit(Module(p.Rooted()), p.loader(p.samples(p.BREAKING)))
    return Seen(trainer.logged_metrics["loss_step"])


def nan_weight():
    def weight(**options):
        model = p.Rooted()
        with suppress(RuntimeError):  # how anomaly detection ends the run
            fit(Module(model), p.loader(p.samples(p.BREAKING)), **options)
        return model.w

    stop = EarlyStopping("loss_step", check_finite=True, check_on_train_epoch_end=True)
    also = {
        "`EarlyStopping(check_finite=True)`": weight(callbacks=[stop]),
        "`detect_anomaly=True`, which raises and is slow": weight(detect_anomaly=True),
    }
    return Seen(weight(), also)


def schedule_frequency():
    def weight(**entry):
        def schedule(optimizer):
            made = entry["kind"](optimizer)
            return {"scheduler": made, "interval": "step", "frequency": entry["frequency"]}

        model = p.Weight()
        fit(Module(model, schedule=schedule), p.loader(p.samples(p.TEN)), accumulate_grad_batches=2)
        return model.w

    by_itself = weight(kind=p.halving_every_two, frequency=1)
    option = "`frequency=1` and a schedule that itself waits for two steps"
    return Seen(weight(kind=p.halving, frequency=2), {option: by_itself})


def metric():
    return Seen(validated(Module(p.Weight(1.0)), p.loader(p.samples(p.ERRORS), 2))["rmse"])


def validation_randomness():
    def weight(validate):
        torch.manual_seed(0)
        model, validation = p.Noisy(), p.loader(p.samples(p.FOUR))
        four = p.loader(p.samples(p.FOUR))
        fit(Module(model), four, validation if validate else None, max_epochs=2)
        return model.w.item()

    return Seen(p.trace(weight))


def frozen_batchnorm():
    model, four = p.Frozen(), p.loader(p.samples(p.FOUR), 2)
    fit(Module(model), four, p.loader(p.samples(p.FOUR), 2), max_epochs=2)
    return Seen(model.norm.running_mean)


def skipped_update():
    """On the CPU ``precision="16-mixed"`` becomes bfloat16; the plugin itself can be given."""
    plugin = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu"))
    module = Module(p.Half(), schedule=lambda o: {"scheduler": p.halving(o), "interval": "step"})
    fit(module, p.loader(p.samples(p.FOUR, torch.float32)), plugins=[plugin])
    module.updates.must_be(3)
    return Seen(module.model.linear.weight)


def epoch_loss():
    trainer = fit(Module(p.Weight(1.0), lr=0.0), p.loader(p.samples(p.FIVE), 2))
    return Seen(trainer.logged_metrics["loss_epoch"])
