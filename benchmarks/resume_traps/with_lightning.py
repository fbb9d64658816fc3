"""Lightning: a LightningModule, `ModelCheckpoint` and `fit(ckpt_path="last")`.

At its best: torchdata's `StatefulDataLoader`, whose state Lightning saves, `weights_only=True`, and
`OnExceptionCheckpoint` for signals.
"""

from __future__ import annotations

import csv

import lightning
import torch
from lightning.pytorch.callbacks import (
    EarlyStopping,
    EMAWeightAveraging,
    ModelCheckpoint,
    OnExceptionCheckpoint,
)
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.plugins.precision import MixedPrecision
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from . import problems as p
from .lives import flat

NAME, PACKAGE = "Lightning", "lightning"
BEST = (
    "`StatefulDataLoader` of torchdata, `fit(..., weights_only=True)`, and `OnExceptionCheckpoint` "
    "where a signal comes"
)


class Module(lightning.LightningModule):
    """As its documentation writes one."""

    def __init__(self, model, optimizer=None, monitor=None):
        super().__init__()
        self.model, self.monitor = model, monitor
        self.optimizer = optimizer or (lambda m: torch.optim.Adam(m.parameters(), lr=0.01))

    def training_step(self, batch):
        x, y = batch
        loss = torch.nn.functional.mse_loss(self.model(x), y)
        self.log("loss", loss)
        return loss

    def validation_step(self, batch):
        x, y = batch
        self.log("val_loss", torch.nn.functional.mse_loss(self.model(x), y))

    def configure_optimizers(self):
        optimizer = self.optimizer(self.model)
        if self.monitor is None:
            return optimizer
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
        scheduler = {"scheduler": plateau, "monitor": self.monitor}
        return {"optimizer": optimizer, "lr_scheduler": scheduler}


def loader(life, data=None, *, shuffle=True):
    kind = StatefulDataLoader if life.best else DataLoader
    data = p.Rows() if data is None else data
    shuffle = {} if isinstance(data, p.Stream) else {"shuffle": shuffle}
    return kind(data, batch_size=p.BATCH, num_workers=life.workers, **shuffle)


def fit(
    life, module, batches=None, check=None, *, callbacks=(), epochs=p.EPOCHS, every=p.EVERY, **own
):
    lightning.seed_everything(0)
    saving = ModelCheckpoint(life.folder, every_n_train_steps=every, save_top_k=-1, save_last=True)
    trainer = lightning.Trainer(
        max_epochs=epochs, accelerator="cpu", enable_progress_bar=False, log_every_n_steps=1,
        enable_model_summary=False, callbacks=[saving, *callbacks], default_root_dir=life.home,
        **{"logger": False} | own,
    )  # fmt: skip
    trainer.fit(
        module, loader(life) if batches is None else batches, check,
        ckpt_path="last" if life.resume else None, weights_only=life.best or None,
    )  # fmt: skip
    return trainer, {"weights": flat(module)}


def inorder(life):
    """Where the order is no part of the question."""
    return loader(life, shuffle=False)


def plain(life):
    return fit(life, Module(p.Net(life.watch)))[1]


def stream(life):
    return fit(life, Module(p.Net(life.watch)), loader(life, p.Stream()))[1]


def dropout(life):
    return fit(life, Module(p.Net(life.watch, drop=0.5)), loader(life, shuffle=False))[1]


def augmented(life):
    batches = loader(life, p.Rows(augment=True), shuffle=False)
    return fit(life, Module(p.Net(life.watch)), batches)[1]


def window(life):
    """It saves after updates, never within a window."""
    return fit(life, Module(p.Net(life.watch)), inorder(life), accumulate_grad_batches=4, every=1)[
        1
    ]


def master(life):
    module = Module(p.Net(life.watch), lambda m: p.Master(m.parameters(), lr=0.01))
    trainer, left = fit(life, module, inorder(life), precision="bf16-true")
    return left | {"kind": trainer.optimizers[0].kind()}


def scaled(life):
    """On the CPU ``precision="16-mixed"`` becomes bfloat16; the plugin itself can be given."""
    plugin = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", 2.0**24))
    return fit(life, Module(p.Net(life.watch)), inorder(life), plugins=[plugin])[1]


def plateau(life):
    module = Module(p.Net(life.watch), monitor="val_loss")
    return fit(life, module, inorder(life), p.held_out(), epochs=p.LONGEST)[1]


def averaged(life):
    """When it ends, the averages are the module's weights."""
    averaging = EMAWeightAveraging(decay=0.9)
    left = fit(life, Module(p.Net(life.watch)), inorder(life), callbacks=[averaging])[1]
    return left | {"average": left["weights"]}


def stopping(life):
    module, patience = Module(p.Net(life.watch)), EarlyStopping("val_loss", patience=p.PATIENCE)
    _, left = fit(life, module, check=p.held_out(), callbacks=[patience], epochs=p.LONGEST)
    return left | {"trained": int(module.model.trained), "best": patience.best_score.item()}


def logged(life):
    """The rows of all the files that the logger has written."""
    _, left = fit(life, Module(p.Net(life.watch)), logger=CSVLogger(life.home, "log"))
    steps = []
    for file in sorted((life.home / "log").glob("version_*/metrics.csv")):
        with file.open() as lines:
            steps += [int(row["step"]) for row in csv.DictReader(lines) if row["loss"]]
    return left | {"logged": steps}


def sigterm(life):
    callbacks = [OnExceptionCheckpoint(life.folder, "last")] if life.best else []
    return fit(life, Module(p.Net(life.watch)), callbacks=callbacks)[1]


# --- Its files ------------------------------------------------------------------------------------


def weights_file(folder):
    return folder / "last.ckpt"


def files(folder):
    return [weights_file(folder)]


def plant(path, data):
    path.write_bytes(data)
