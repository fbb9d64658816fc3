"""HF Trainer: `save_steps`, and `train(resume_from_checkpoint=True)`.

At its best: `restore_callback_states_from_checkpoint=True`, and `enable_jit_checkpoint=True`, which
saves on SIGTERM. Its loader is no option: it skips batches of its own accord.
"""

from __future__ import annotations

import torch
from benchmarks.traps.measure import NoNotionError
from torch.utils.data import Dataset, IterableDataset
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments

from . import problems as p
from .lives import flat

NAME, PACKAGE = "HF Trainer", "transformers"
BEST = "`restore_callback_states_from_checkpoint=True`, `enable_jit_checkpoint=True`"


class Named(Dataset):
    """The samples by the names of the model's arguments, as it wants them."""

    def __init__(self, data):
        self.data = data

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        x, y = self.data[index]
        return {"x": x, "labels": y}


class NamedStream(IterableDataset):
    """The same of a stream."""

    def __iter__(self):
        for x, y in p.Stream():
            yield {"x": x, "labels": y}


class Scored(torch.nn.Module):
    """A model that is given its labels and answers with its loss."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x, labels=None):
        prediction = self.inner(x)
        loss = torch.nn.functional.mse_loss(prediction, labels.to(prediction.dtype))
        return {"loss": loss, "logits": prediction}


class InOrder(Trainer):
    """The Trainer shuffles; where the order is no part of the question it is left out."""

    def _get_train_sampler(self, dataset=None):
        return torch.utils.data.SequentialSampler(dataset or self.train_dataset)


def train(life, model, data=None, *, kind=Trainer, optimizer=None, check=None, callbacks=(), **own):
    options = {
        "num_train_epochs": p.EPOCHS, "per_device_train_batch_size": p.BATCH, "use_cpu": True,
        "save_strategy": "steps", "save_steps": p.EVERY, "logging_steps": 1, "report_to": "none",
        "disable_tqdm": True, "remove_unused_columns": False, "max_grad_norm": 0.0,
        "dataloader_num_workers": life.workers, "seed": 0,
        "restore_callback_states_from_checkpoint": life.best, "enable_jit_checkpoint": life.best,
    }  # fmt: skip
    if optimizer is None:
        options |= {"learning_rate": 0.01}
    made = kind(
        model=Scored(model),
        args=TrainingArguments(output_dir=str(life.folder), **options | own),
        train_dataset=Named(p.Rows()) if data is None else data,
        eval_dataset=Named(p.held_out().dataset) if check else None,
        optimizers=(optimizer, None),
        callbacks=list(callbacks),
    )
    made.train(resume_from_checkpoint=life.resume or None)
    return made, {"weights": flat(model)}


def plain(life):
    return train(life, p.Net(life.watch))[1]


def stream(life):
    data, steps = NamedStream(), p.EPOCHS * p.IN_EPOCH
    return train(life, p.Net(life.watch), data, max_steps=steps)[1]


def dropout(life):
    return train(life, p.Net(life.watch, drop=0.5), kind=InOrder)[1]


def augmented(life):
    return train(life, p.Net(life.watch), Named(p.Rows(augment=True)), kind=InOrder)[1]


def window(life):
    """It saves after updates, never within a window."""
    return train(
        life, p.Net(life.watch), kind=InOrder, gradient_accumulation_steps=4, save_steps=1
    )[1]


def master(life):
    model = p.Net(life.watch).bfloat16()
    optimizer = p.Master(model.parameters(), lr=0.01)
    left = train(life, model, kind=InOrder, optimizer=optimizer)[1]
    return left | {"kind": optimizer.kind()}


def scaled(life):
    raise NoNotionError("not on the CPU, where it makes no gradient scaler")


def plateau(life):
    _, left = train(
        life, p.Net(life.watch), kind=InOrder, check=True, eval_strategy="epoch",
        metric_for_best_model="loss",
        lr_scheduler_type="reduce_lr_on_plateau", lr_scheduler_kwargs={"patience": 1},
        num_train_epochs=p.LONGEST,
    )  # fmt: skip
    return left


def averaged(life):
    raise NoNotionError("no average of the weights of its own")


def stopping(life):
    model = p.Net(life.watch)
    made, left = train(
        life, model, check=True, callbacks=[EarlyStoppingCallback(p.PATIENCE)],
        eval_strategy="epoch", metric_for_best_model="loss", num_train_epochs=p.LONGEST,
    )  # fmt: skip
    return left | {"trained": int(model.trained), "best": made.state.best_metric}


def logged(life):
    made, left = train(life, p.Net(life.watch))
    return left | {"logged": [one["step"] for one in made.state.log_history if "loss" in one]}


sigterm = plain


# --- Its files ------------------------------------------------------------------------------------


def weights_file(folder):
    return newest_folder(folder) / "model.safetensors"


def newest_folder(folder):
    return max(folder.glob("checkpoint-*"), key=lambda path: int(path.name.partition("-")[2]))


def files(folder):
    held = sorted(newest_folder(folder).iterdir())
    return [path for path in held if path.suffix != ".safetensors"]


def plant(path, data):
    path.write_bytes(data)
