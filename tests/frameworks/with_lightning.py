"""Lightning: the steps are inside, the user writes training_step."""

from __future__ import annotations

import tempfile

import lightning
import torch
import torch.nn.functional as F  # noqa: N812
from parts import (
    EPOCHS,
    Detached,
    Listed,
    Net,
    Smooth,
    Squashed,
    batches,
    points,
    seen,
    sgd,
    slopes,
    squared,
)

QUIET = {
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


class Task(lightning.LightningModule):
    def __init__(self, model, *, optimizer=None, loss_fn=None):
        super().__init__()
        self.model, self.loss_fn = model, loss_fn or F.cross_entropy
        self.made, self.losses = optimizer or sgd(model), []

    def training_step(self, batch, number):
        x, y = batch
        # here: probabilities-as-logits, unregistered-module, broadcast-loss, detached-loss
        loss = self.loss_fn(self.model(x), y)
        self.losses.append(loss.item())
        return loss

    def configure_optimizers(self):
        return self.made


def _fit(task, *, data=None, validation=None, **options):
    trainer = lightning.Trainer(
        max_epochs=EPOCHS, accelerator="cpu", devices=1, **{**QUIET, **options}
    )
    # here: huge-update, tiny-update
    trainer.fit(task, batches(data or points()), validation)
    return seen(task.model, task.losses)


def plain():
    return _fit(Task(Net()))


def as_by_default():
    with tempfile.TemporaryDirectory() as folder:
        usual = dict.fromkeys(QUIET, True)
        return _fit(Checked(Net()), validation=_unseen(), default_root_dir=folder, **usual)


class Checked(Task):
    def validation_step(self, batch, number):
        x, y = batch
        prediction = self.model(x)
        loss = F.cross_entropy(prediction, y)
        self.losses.append(loss.item())
        self.log("accuracy", (prediction.argmax(dim=1) == y).float().mean())
        self.log("loss", loss, prog_bar=True)


def _unseen():
    return batches(points(48, 3), shuffle=False)


def validated():
    return _fit(Checked(Net()), validation=_unseen())


def accumulated():
    return _fit(Task(Net()), accumulate_grad_batches=2)


def clipped():
    return _fit(Task(Net()), gradient_clip_val=1.0)


def clipped_by_value():
    return _fit(Task(Net()), gradient_clip_val=0.1, gradient_clip_algorithm="value")


class Scheduled(Task):
    def configure_optimizers(self):
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.made, EPOCHS * 8)
        return [self.made], [{"scheduler": schedule, "interval": "step"}]


def scheduled():
    return _fit(Scheduled(Net()))


class ScheduledByEpoch(Task):
    def configure_optimizers(self):
        return [self.made], [torch.optim.lr_scheduler.StepLR(self.made, 1, gamma=0.5)]


def scheduled_by_epoch():
    return _fit(ScheduledByEpoch(Net()))


def mixed_precision():
    return _fit(Task(Net()), precision="bf16-mixed")


def lbfgs():
    model = Smooth()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=4)
    return _fit(Task(model, optimizer=optimizer))


class ByHand(Task):
    clear = True

    def __init__(self, model):
        super().__init__(model)
        self.automatic_optimization = False

    def training_step(self, batch, number):
        optimizer, (x, y) = self.optimizers(), batch
        loss = F.cross_entropy(self.model(x), y)
        if self.clear:
            optimizer.zero_grad()
        # here: stale-gradient
        self.manual_backward(loss)
        optimizer.step()
        self.losses.append(loss.item())


def manual_optimization():
    return _fit(ByHand(Net()))


class TwoOptimizers(Task):
    def __init__(self):
        super().__init__(Net())
        self.automatic_optimization = False
        self.other = Smooth()

    def configure_optimizers(self):
        return sgd(self.model), torch.optim.Adam(self.other.parameters(), 1e-2)

    def training_step(self, batch, number):
        x, y = batch
        for model, optimizer in zip((self.model, self.other), self.optimizers(), strict=True):
            self.toggle_optimizer(optimizer)
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
            self.untoggle_optimizer(optimizer)
            self.losses.append(loss.item())


def two_optimizers():
    return _fit(TwoOptimizers())


class Accumulating(Task):
    def __init__(self, model):
        super().__init__(model)
        self.automatic_optimization = False

    def training_step(self, batch, number):
        optimizer, (x, y) = self.optimizers(), batch
        loss = F.cross_entropy(self.model(x), y) / 2
        self.manual_backward(loss)
        if number % 2:
            self.clip_gradients(optimizer, gradient_clip_val=1.0, gradient_clip_algorithm="norm")
            optimizer.step()
            optimizer.zero_grad()
        self.losses.append(loss.item())


def accumulated_by_hand():
    return _fit(Accumulating(Net()))


def probabilities_as_logits():
    return _fit(Task(Squashed()))


def broadcast_loss():
    return _fit(Task(Net(1), loss_fn=squared), data=slopes())


class Asleep(Task):
    def training_step(self, batch, number):
        self.model.eval()
        x, y = batch
        # here: eval-mode-training
        return F.cross_entropy(self.model(x), y)


def eval_mode_training():
    return _fit(Asleep(Net()))


def unheld_parameter():
    model = Net()
    # here: unheld-parameter
    optimizer = torch.optim.SGD(model.hidden.parameters(), 0.1)
    return _fit(Task(model, optimizer=optimizer))


def unregistered_module():
    return _fit(Task(Listed()))


class WithoutGradients(Task):
    def training_step(self, batch, number):
        x, y = batch
        with torch.no_grad():
            # here: gradless-training
            prediction = self.model(x)
        return F.cross_entropy(prediction, y)


def gradless_training():
    return _fit(WithoutGradients(Net()))


def detached_loss():
    return _fit(Task(Detached()))


class NeverCleared(ByHand):
    clear = False


def stale_gradient():
    return _fit(NeverCleared(Net()))


class ClearedTooLate(Task):
    def __init__(self, model):
        super().__init__(model)
        self.automatic_optimization = False

    def training_step(self, batch, number):
        optimizer, (x, y) = self.optimizers(), batch
        self.manual_backward(F.cross_entropy(self.model(x), y))
        # here: erased-gradient
        optimizer.zero_grad()
        optimizer.step()


def erased_gradient():
    return _fit(ClearedTooLate(Net()))


def _one(prediction, target):
    return F.mse_loss(prediction.squeeze(1), target)


def huge_update():
    model = Smooth(1)
    return _fit(Task(model, optimizer=sgd(model, 1e3), loss_fn=_one), data=slopes())


def tiny_update():
    model = Smooth(1)
    return _fit(Task(model, optimizer=sgd(model, 1e-9), loss_fn=_one), data=slopes())


class Keeping(Task):
    def training_step(self, batch, number):
        x, y = batch
        loss = self.loss_fn(self.model(x), y)
        self.kept = getattr(self, "kept", [])
        # here: kept-graph
        self.kept.append(loss)
        return loss


def kept_graph():
    task = Keeping(Net())
    return _fit(task)
