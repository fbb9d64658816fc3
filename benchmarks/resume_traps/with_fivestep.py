"""fivestep: `fit(checkpoint=)`. The same call trains and goes on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from fivestep import Checkpoint, fit

from . import problems as p
from .lives import flat

NAME, PACKAGE, BEST = "fivestep", "fivestep", ""


def run(life, model, data=None, *, optimizer=None, shuffle=True, epochs=p.EPOCHS, **options):
    if data is None:
        data = DataLoader(p.Rows(), batch_size=p.BATCH, shuffle=shuffle)
    made = fit(
        model, torch.nn.MSELoss(), optimizer or adam(model), data, epochs=epochs, progress=False,
        checkpoint=Checkpoint(life.folder, every=f"{p.EVERY} iterations"), **options,
    )  # fmt: skip
    return made, {"weights": flat(model)}


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=0.01)


def plain(life):
    return run(life, p.Net(life.watch))[1]


def stream(life):
    return run(life, p.Net(life.watch), DataLoader(p.Stream(), batch_size=p.BATCH))[1]


def dropout(life):
    return run(life, p.Net(life.watch, drop=0.5), shuffle=False)[1]


def augmented(life):
    data = DataLoader(p.Rows(augment=True), batch_size=p.BATCH, num_workers=life.workers)
    return run(life, p.Net(life.watch), data)[1]


def window(life):
    return run(life, p.Net(life.watch), shuffle=False, accumulate=4)[1]


def master(life):
    model = p.Net(life.watch).bfloat16()
    optimizer = p.Master(model.parameters(), lr=0.01)
    data = [(x.bfloat16(), y.bfloat16()) for x, y in DataLoader(p.Rows(), batch_size=p.BATCH)]
    return run(life, model, data, optimizer=optimizer)[1] | {"kind": optimizer.kind()}


def scaled(life):
    return run(life, p.Net(life.watch), shuffle=False, precision="float16")[1]


def plateau(life):
    model = p.Net(life.watch)
    optimizer = adam(model)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
    options = {"schedule": schedule, "validate": p.held_out(), "epochs": p.LONGEST}
    return run(life, model, shuffle=False, optimizer=optimizer, **options)[1]


def averaged(life):
    options = {"average": 0.9, "average_start": "1 update"}
    made, left = run(life, p.Net(life.watch), shuffle=False, **options)
    return left | {
        "average": torch.cat([v.double().flatten() for v in made.average_weights.values()])
    }


def stopping(life):
    model = p.Net(life.watch)
    options = {"validate": p.held_out(), "patience": p.PATIENCE, "epochs": p.LONGEST}
    made, left = run(life, model, **options)
    return left | {"trained": int(model.trained), "best": made.best["validation_loss"]}


def logged(life):
    made, left = run(life, p.Net(life.watch), log_every=1)
    return left | {"logged": [one["update"] for one in made.history if one["when"] == "update"]}


sigterm = plain


# --- Its files ------------------------------------------------------------------------------------


def manifest(folder: Path) -> Path:
    return max(folder.glob("checkpoint-*.json"))


def weights_file(folder):
    """The fragment of the newest manifest that is largest."""
    text = manifest(folder).read_text()
    named = [one for one in folder.glob("fragment-*") if one.stem.partition("-")[2] in text]
    return max(named, key=lambda path: path.stat().st_size)


def files(folder):
    return [manifest(folder), weights_file(folder)]


def plant(path, data):
    """Under the name that its contents ask for; a fragment's new name goes into the manifest."""
    name = f"{path.stem.rpartition('-')[0]}-{hashlib.sha256(data).hexdigest()}{path.suffix}"
    path.unlink()
    path.with_name(name).write_bytes(data)
    if path.suffix == ".safetensors":
        old = manifest(path.parent)
        before, after = (one.partition("-")[2] for one in (path.stem, Path(name).stem))
        plant(old, old.read_text().replace(before, after).encode())
