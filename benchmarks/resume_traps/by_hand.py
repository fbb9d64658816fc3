"""The plain loop with a checkpoint as PyTorch's own tutorial on general checkpoints writes one.

Model, optimizer, epoch, and whatever else has a `state_dict`, into one file that is overwritten.
"""

from __future__ import annotations

import torch
from benchmarks.traps.measure import NoNotionError
from torch.utils.data import DataLoader

from . import problems as p
from .lives import flat

NAME, PACKAGE, BEST = "by hand", "torch", ""


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=0.01)


def train(
    life, model, batches=None, *, optimizer=None, window=1, keep=None, after_update=None,
    after_epoch=None, epochs=p.EPOCHS, scaler=None, dtype=None,
):  # fmt: skip
    torch.manual_seed(0)
    if batches is None:
        batches = DataLoader(p.Rows(), batch_size=p.BATCH, shuffle=True)
    optimizer = optimizer or adam(model)
    states = {"model": model, "optimizer": optimizer, **(keep or {})}
    first, step = resumed(life, states), 0
    for epoch in range(first, epochs):
        model.train()
        for x, y in batches:
            with torch.autocast("cpu", torch.float16, enabled=scaler is not None):
                loss = torch.nn.functional.mse_loss(model(x), y) / window
            (scaler.scale(loss) if scaler else loss).backward()
            step += 1
            if step % window == 0:
                scaler.step(optimizer) if scaler else optimizer.step()
                scaler.update() if scaler else None
                optimizer.zero_grad()
                if after_update:
                    after_update()
            if step % p.EVERY == 0:
                save(life, states, epoch)
        if after_epoch:
            after_epoch()
    return optimizer, {"weights": flat(model)}


def save(life, states, epoch):
    life.folder.mkdir(exist_ok=True)
    saved = {name: one.state_dict() for name, one in states.items()}
    torch.save(saved | {"epoch": epoch}, weights_file(life.folder))


def resumed(life, states):
    """The epoch to begin with: that in which it was saved, from its start."""
    if not life.resume:
        return 0
    saved = torch.load(weights_file(life.folder), weights_only=True)
    for name, one in states.items():
        one.load_state_dict(saved[name])
    return saved["epoch"]


def inorder():
    """Where the order is no part of the question."""
    return DataLoader(p.Rows(), batch_size=p.BATCH)


def plain(life):
    return train(life, p.Net(life.watch))[1]


def stream(life):
    return train(life, p.Net(life.watch), DataLoader(p.Stream(), batch_size=p.BATCH))[1]


def dropout(life):
    return train(life, p.Net(life.watch, drop=0.5), inorder())[1]


def augmented(life):
    batches = DataLoader(p.Rows(augment=True), batch_size=p.BATCH, num_workers=life.workers)
    return train(life, p.Net(life.watch), batches)[1]


def window(life):
    return train(life, p.Net(life.watch), inorder(), window=4)[1]


def master(life):
    model = p.Net(life.watch).bfloat16()
    data = [(x.bfloat16(), y.bfloat16()) for x, y in inorder()]
    optimizer, left = train(life, model, data, optimizer=p.Master(model.parameters(), lr=0.01))
    return left | {"kind": optimizer.kind()}


def scaled(life):
    scaler = torch.amp.GradScaler("cpu", 2.0**24)
    return train(life, p.Net(life.watch), inorder(), scaler=scaler, keep={"scaler": scaler})[1]


def plateau(life):
    model = p.Net(life.watch)
    optimizer = adam(model)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)

    def validate():
        model.eval()
        ((x, y),) = p.held_out()
        schedule.step(torch.nn.functional.mse_loss(model(x), y).item())

    _, left = train(
        life, model, inorder(), optimizer=optimizer, keep={"schedule": schedule},
        after_epoch=validate, epochs=p.LONGEST,
    )  # fmt: skip
    return left


def averaged(life):
    model = p.Net(life.watch)
    decay = torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=decay)
    _, left = train(
        life, model, inorder(), keep={"average": average},
        after_update=lambda: average.update_parameters(model),
    )  # fmt: skip
    return left | {"average": flat(average)}


def stopping(life):
    raise NoNotionError("PyTorch has none")


def logged(life):
    raise NoNotionError("PyTorch has none")


sigterm = plain


# --- Its files ------------------------------------------------------------------------------------


def weights_file(folder):
    return folder / "checkpoint.pt"


def files(folder):
    return [weights_file(folder)]


def plant(path, data):
    path.write_bytes(data)
