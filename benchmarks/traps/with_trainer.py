"""HF Trainer: a model that returns its loss, and TrainingArguments."""

from __future__ import annotations

import tempfile

import numpy as np
import torch
from transformers import Trainer, TrainerCallback, TrainingArguments

from . import problems as p
from .measure import NoNotionError, Seen

NAME, PACKAGE = "HF Trainer", "transformers"


class Scored(torch.nn.Module):
    """A model that is given its labels and answers with its loss."""

    def __init__(self, inner, loss_fn=p.mean):
        super().__init__()
        self.inner, self.loss_fn = inner, loss_fn

    def forward(self, x, labels=None):
        prediction = self.inner(x)
        return {"loss": self.loss_fn(prediction, labels), "logits": prediction}


class Cooperating(Scored):
    """As the models of Transformers are written: the loss is told how many items there are."""

    def forward(self, x, labels=None, **kwargs):
        logits = self.inner(x)
        loss, items = self.loss_fn(logits, labels), kwargs.get("num_items_in_batch")
        if items is not None:
            loss = loss * p.valid_tokens(labels) / items
        return {"loss": loss, "logits": logits}


class InOrder(Trainer):
    """The Trainer shuffles; here the order is part of the problem."""

    def _get_train_sampler(self, dataset=None):
        return torch.utils.data.SequentialSampler(dataset or self.train_dataset)


class Losses(TrainerCallback):
    """What is logged, as any logger of the Trainer gets it."""

    def __init__(self):
        self.logged = []

    def on_log(self, arguments, state, control, logs=None, **rest):
        self.logged += [logs["loss"]] if "loss" in logs else []


def rows(dataset):
    return [{"x": x, "labels": y} for x, y in dataset]


def trainer(model, data=None, *, check=None, lr=1.0, schedule=None, metrics=None, **options):
    usual = {
        "num_train_epochs": 1, "per_device_train_batch_size": 1, "per_device_eval_batch_size": 2,
        "max_grad_norm": 0.0, "report_to": "none", "disable_tqdm": True, "use_cpu": True,
        "remove_unused_columns": False, "save_strategy": "no", "logging_steps": 1,
    }  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    schedule = schedule or (lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda _: 1.0))
    with tempfile.TemporaryDirectory() as folder:
        return InOrder(
            model=model,
            args=TrainingArguments(output_dir=folder, **usual | options),
            train_dataset=rows(data or p.samples(p.FOUR)),
            eval_dataset=rows(check) if check else None,
            optimizers=(optimizer, schedule(optimizer)),
            compute_metrics=metrics,
            callbacks=[Losses()],
        )


def short_window():
    model = p.Weight()
    trainer(Scored(model), p.samples(p.SIX), gradient_accumulation_steps=4).train()
    return Seen(model.w)


def unequal_tokens():
    def weight(kind):
        model = p.Tokens()
        trainer(kind(model, p.token_loss), p.texts(), gradient_accumulation_steps=4).train()
        return model.w.item()

    option = "a model whose `forward` does not take `num_items_in_batch`"
    return Seen(weight(Cooperating), {option: weight(Scored)})


def uneven_evaluation():
    made = trainer(Scored(p.Weight(1.0)), check=p.samples(p.FIVE))
    return Seen(made.evaluate()["eval_loss"])


def masked_evaluation():
    made = trainer(Cooperating(p.Tokens(1.0), p.token_loss), check=p.texts())
    return Seen(made.evaluate()["eval_loss"])


def broken(**options):
    model = p.Rooted()
    made = trainer(Scored(model), p.samples(p.BREAKING), **options)
    made.train()
    (losses,) = (one for one in made.callback_handler.callbacks if isinstance(one, Losses))
    return losses.logged[-1], model.w.item()


def nan_logged():
    return Seen(
        broken()[0], {"`logging_nan_inf_filter=False`": broken(logging_nan_inf_filter=False)[0]}
    )


def nan_weight():
    return Seen(broken()[1])


def schedule_frequency():
    model = p.Weight()
    trainer(
        Scored(model), p.samples(p.TEN),
        schedule=p.halving_every_two, gradient_accumulation_steps=2,
    ).train()  # fmt: skip
    return Seen(model.w)


def metric():
    def rmse(outcome):
        return {"rmse": np.sqrt(np.mean((outcome.predictions - outcome.label_ids) ** 2))}

    made = trainer(Scored(p.Weight(1.0)), check=p.samples(p.ERRORS), metrics=rmse)
    return Seen(made.evaluate()["eval_rmse"])


def validation_randomness():
    def weight(validate):
        options = {"eval_strategy": "epoch" if validate else "no"}
        torch.manual_seed(0)
        model = p.Noisy()
        trainer(Scored(model), num_train_epochs=2, check=p.samples(p.FOUR), **options).train()
        return model.w.item()

    return Seen(p.trace(weight))


def frozen_batchnorm():
    model = p.Frozen()
    trainer(
        Scored(model), num_train_epochs=2, check=p.samples(p.FOUR),
        per_device_train_batch_size=2, eval_strategy="epoch",
    ).train()  # fmt: skip
    return Seen(model.norm.running_mean)


def skipped_update():
    model, four = p.Half(), p.samples(p.FOUR, torch.float32)
    made = trainer(Scored(model), four, fp16=True, schedule=p.halving)
    if made.accelerator.scaler is None:
        raise NoNotionError(
            "not on the CPU, where it makes no gradient scaler (by its source the schedule waits "
            "for the optimizer; not run)"
        )
    made.train()
    return Seen(model.linear.weight)


def epoch_loss():
    made = trainer(
        Scored(p.Weight(1.0)), p.samples(p.FIVE),
        lr=0.0, per_device_train_batch_size=2, logging_strategy="epoch",
    )  # fmt: skip
    return Seen(made.train().training_loss)
