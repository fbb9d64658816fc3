"""HF Trainer: the steps are inside, the user writes a model with its loss, or compute_loss."""

from __future__ import annotations

import tempfile

import torch
import torch.nn.functional as F  # noqa: N812
from parts import (
    EPOCHS,
    Detached,
    Listed,
    Net,
    Smooth,
    Squashed,
    points,
    seen,
    sgd,
    slopes,
)
from torch import nn
from transformers import Trainer, TrainerCallback, TrainingArguments


class Scored(nn.Module):
    """A model that is given its labels and answers with its loss."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x, labels=None):
        logits = self.inner(x)
        # here: probabilities-as-logits, detached-loss
        loss = F.cross_entropy(logits, labels)
        return {"loss": loss, "logits": logits}


class Losses(TrainerCallback):
    def __init__(self):
        self.logged = []

    def on_log(self, arguments, state, control, logs=None, **rest):
        self.logged += [logs[name] for name in ("loss", "eval_loss") if name in logs]


def _train(model, *, data=None, optimizer=None, kind=Trainer, check=None, **options):
    usual = {
        "num_train_epochs": EPOCHS,
        "per_device_train_batch_size": 16,
        "learning_rate": 1e-2,
        "logging_steps": 4,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "remove_unused_columns": False,
        "save_strategy": "no",
    }
    losses = Losses()
    with tempfile.TemporaryDirectory() as folder:
        trainer = kind(
            model=model,
            args=TrainingArguments(output_dir=folder, **{**usual, **options}),
            train_dataset=_rows(data or points()),
            eval_dataset=_rows(points(48, 3)) if check else None,
            optimizers=(optimizer, None),
            callbacks=[losses],
        )
        # here: unregistered-module, huge-update, tiny-update
        trainer.train()
    return seen(model, losses.logged)


def _rows(data):
    return [{"x": x, "labels": y} for x, y in data]


def plain():
    return _train(Scored(Net()))


def accumulated():
    return _train(Scored(Net()), gradient_accumulation_steps=2)


def unclipped():
    return _train(Scored(Net()), max_grad_norm=0.0)


def scheduled():
    return _train(Scored(Net()), lr_scheduler_type="cosine", warmup_steps=6)


def validated_and_saved():
    return _train(Scored(Net()), check=True, eval_strategy="epoch", save_strategy="epoch")


def best_kept():
    return _train(
        Scored(Net()),
        check=True,
        eval_strategy="epoch",
        save_strategy="epoch",
        load_best_model_at_end=True,
    )


def mixed_precision():
    return _train(Scored(Net()), bf16=True)


class Computing(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **rest):
        # here: broadcast-loss
        prediction = model(inputs["x"])
        loss = ((prediction - inputs["labels"]) ** 2).mean()
        return (loss, prediction) if return_outputs else loss


class Classifying(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **rest):
        prediction = model(inputs["x"])
        loss = F.cross_entropy(prediction, inputs["labels"])
        return (loss, prediction) if return_outputs else loss


def loss_of_its_own():
    return _train(Net(), kind=Classifying)


def probabilities_as_logits():
    return _train(Scored(Squashed()))


def broadcast_loss():
    return _train(Net(1), kind=Computing, data=slopes())


class Asleep(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **rest):
        model.eval()
        # here: eval-mode-training
        return F.cross_entropy(model(inputs["x"]), inputs["labels"])


def eval_mode_training():
    return _train(Net(), kind=Asleep)


def unheld_parameter():
    model = Scored(Net())
    # here: unheld-parameter
    optimizer = torch.optim.AdamW(model.inner.hidden.parameters(), 1e-2)
    return _train(model, optimizer=optimizer)


def unregistered_module():
    return _train(Scored(Listed()))


class WithoutGradients(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **rest):
        with torch.no_grad():
            # here: gradless-training
            prediction = model(inputs["x"])
        return F.cross_entropy(prediction, inputs["labels"])


def gradless_training():
    return _train(Net(), kind=WithoutGradients)


def detached_loss():
    return _train(Scored(Detached()))


class Even(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **rest):
        return F.mse_loss(model(inputs["x"]).squeeze(1), inputs["labels"])


def huge_update():
    model = Smooth(1)
    return _train(model, kind=Even, data=slopes(), optimizer=sgd(model, 1e3))


def tiny_update():
    model = Smooth(1)
    return _train(model, kind=Even, data=slopes(), optimizer=sgd(model, 1e-9))


class Keeping(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **rest):
        loss = F.cross_entropy(model(inputs["x"]), inputs["labels"])
        self.kept = getattr(self, "kept", [])
        # here: kept-graph
        self.kept.append(loss)
        return loss


def kept_graph():
    return _train(Net(), kind=Keeping)
