"""Accelerate: the loop of its `complete_nlp_example`, which saves and resumes by steps.

At its best: `use_stateful_dataloader=True`, with which `load_state` puts the loader in its place.
"""

from __future__ import annotations

import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration, set_seed
from benchmarks.traps.measure import NoNotionError
from torch.utils.data import DataLoader

from . import problems as p
from .lives import flat

NAME, PACKAGE = "Accelerate", "accelerate"
BEST = "`DataLoaderConfiguration(use_stateful_dataloader=True, use_seedable_sampler=True)`"


def accelerator(life, **options):
    if life.best:
        options["dataloader_config"] = DataLoaderConfiguration(
            use_stateful_dataloader=True, use_seedable_sampler=True
        )
    return Accelerator(cpu=True, **options)


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=0.01)


def loader(life, data=None, *, shuffle=True):
    data = p.Rows() if data is None else data
    shuffle = {} if isinstance(data, p.Stream) else {"shuffle": shuffle}
    return DataLoader(data, batch_size=p.BATCH, num_workers=life.workers, **shuffle)


def train(
    life, model, batches=None, *, optimizer=adam, own=None, keep=(), after_update=None,
    after_epoch=None, epochs=p.EPOCHS,
):  # fmt: skip
    """``keep`` is what ``register_for_checkpointing`` is given."""
    set_seed(0)
    own = own or accelerator(life)
    batches = loader(life) if batches is None else batches
    model, optimizer, batches = own.prepare(model, optimizer(model), batches)
    if keep:
        own.register_for_checkpointing(*keep)
    step, first, done = resumed(own, life)
    for epoch in range(first, epochs):
        model.train()
        if hasattr(batches, "set_epoch"):
            batches.set_epoch(epoch)
        active = batches
        if done and epoch == first and not life.best:
            active = own.skip_first_batches(batches, done)
        for x, y in active:
            with own.accumulate(model):
                own.backward(torch.nn.functional.mse_loss(model(x), y))
                optimizer.step()
                optimizer.zero_grad()
            if after_update:
                after_update()
            step += 1
            if step % p.EVERY == 0:
                own.save_state(life.folder / f"step_{step}")
        if after_epoch:
            after_epoch()
    return optimizer, {"weights": flat(model)}


def resumed(own, life):
    """The step of the newest folder, its epoch, and how many batches of that are done."""
    if not life.resume:
        return 0, 0, 0
    saved = newest_folder(life.folder)  # by its number: a copied folder has other times
    own.load_state(saved)
    step = int(saved.name.removeprefix("step_"))
    return step, *divmod(step, p.IN_EPOCH)


def plain(life):
    return train(life, p.Net(life.watch))[1]


def stream(life):
    return train(life, p.Net(life.watch), loader(life, p.Stream()))[1]


def dropout(life):
    return train(life, p.Net(life.watch, drop=0.5), loader(life, shuffle=False))[1]


def augmented(life):
    batches = loader(life, p.Rows(augment=True), shuffle=False)
    return train(life, p.Net(life.watch), batches)[1]


def window(life):
    own = accelerator(life, gradient_accumulation_steps=4)
    return train(life, p.Net(life.watch), loader(life, shuffle=False), own=own)[1]


def master(life):
    model = p.Net(life.watch).bfloat16()
    data = [(x.bfloat16(), y.bfloat16()) for x, y in p.Rows()]
    batches = loader(life, data, shuffle=False)
    optimizer, left = train(
        life, model, batches, optimizer=lambda m: p.Master(m.parameters(), lr=0.01)
    )
    return left | {"kind": optimizer.optimizer.kind()}


def scaled(life):
    raise NoNotionError("not on the CPU, where it makes no gradient scaler")


def plateau(life):
    """Its schedule is stepped with the validation loss by hand, and registered."""
    model = p.Net(life.watch)
    optimizer = adam(model)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)

    def validate():
        model.eval()
        ((x, y),) = p.held_out()
        schedule.step(torch.nn.functional.mse_loss(model(x), y).item())

    _, left = train(
        life, model, loader(life, shuffle=False), optimizer=lambda _: optimizer,
        keep=[schedule], after_epoch=validate, epochs=p.LONGEST,
    )  # fmt: skip
    return left


def averaged(life):
    """Torch's own average, registered."""
    model = p.Net(life.watch)
    decay = torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=decay)
    _, left = train(
        life, model, loader(life, shuffle=False), keep=[average],
        after_update=lambda: average.update_parameters(model),
    )  # fmt: skip
    return left | {"average": flat(average)}


def stopping(life):
    raise NoNotionError("early stopping is left to the user's loop")


def logged(life):
    raise NoNotionError("its trackers are those of other packages")


sigterm = plain


# --- Its files ------------------------------------------------------------------------------------


def weights_file(folder):
    return newest_folder(folder) / "model.safetensors"


def newest_folder(folder):
    return max(folder.iterdir(), key=lambda path: int(path.name.removeprefix("step_")))


def files(folder):
    held = sorted(newest_folder(folder).iterdir())
    return [path for path in held if path.suffix != ".safetensors"]


def plant(path, data):
    path.write_bytes(data)
