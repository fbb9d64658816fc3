"""Write docs/eject.md: three runs, each with the loop that it is written out as.

    python docs/make_eject.py

A test writes the loops again and compares; the versions may differ there.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fivestep.attach.schedule import cosine
from fivestep.evaluate import accuracy
from fivestep.fit import fit
from fivestep.run import Run
from fivestep.split import split

ROOT = Path(__file__).resolve().parents[1]
HEAD = """\
# Eject: the plain loop of a run, to own

`run.source()`, or `fivestep eject RUN.jsonl -o loop.py`, writes the PyTorch loop that does what
the configured `fit` did, without fivestep. It is made from the record alone, so also long after
the run. Hand it fresh objects (model, loss, optimizer, data) and it ends at the same weights,
buffers, optimizer state and losses, bit for bit on the same machine: tests hold that for every
option and for mixtures of them.

What is written is what the run used and no more. The numbers of the run stand at the top.

## What is left out on purpose

Progress, the doctor, the journal with `log_every`, and Ctrl-C. Checks of what was given, and words
for what went wrong. What `fit` puts back at its end stays as it is: random numbers, `tf32`, and the
mode of a model that came in eval mode.

## What is not bit-equal

- `seed=None`: no two runs are alike.
- `torch.compile`: equal where both are compiled from the start; a second compilation in one process
  may round otherwise.
- `nonfinite="skip"` with `accumulate`: a window with a single good batch is equal to rounding.
- A loss that is not finite within LBFGS's step: nothing stops the written loop there.
- The other terms of a loss that LBFGS minimises: `fit` records them, the written loop does not.
- A first monitored value of infinity counts as best in `fit`, and not in the written loop.
- A term of the loss past the model's outputs in float16 (`optimizer.carry`): the written loop
  scales the whole loss.
- Gradients that are sparse, metrics that give several values, and a validation whose data draws
  from Python's or NumPy's global random numbers, or from a loader's own generator.

The written loop takes tensors: turn arrays and frames into tensors first, in the type of the model,
and give `dataset.tensors` for a `TensorDataset`. Of a loader or a data set it expects one tensor of
inputs and one of targets, or, if the model's `forward` takes several arguments, a tuple of inputs.
`forward=` over another structure needs `count_items`, how many samples a batch holds. Streams are
given as the loader that `fit` makes of them:
`DataLoader(stream, batch_size=32, generator=torch.Generator().manual_seed(0))`.

## What cannot be written

A dry run; `overfit_one_batch` (give the batch as the data: `[batch]`); data in memory in nests of
more than one level; an average whose BatchNorm is frozen in part, or fed through `forward` or by
several inputs. `run.source()` says so and what to do.

The three below were written by `python docs/make_eject.py`.
"""


def digits() -> Run:
    """Handwritten digits: validation, patience, the best weights."""
    torch.manual_seed(0)
    images, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
    data, unseen = split((x, y), validation=0.2, stratify=True)
    hidden = [nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.3)]
    model = nn.Sequential(*hidden, nn.Linear(256, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return fit(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        data,
        epochs=3,
        validate=unseen,
        metrics=accuracy,
        patience=5,
        restore_best=True,
        progress=False,
    )


def windows() -> Run:
    """Accumulation, clipping, a cosine with warm-up, bfloat16."""
    torch.manual_seed(0)
    x = torch.randn(1000, 20)
    data = (x, x[:, :1].sin() + x[:, 1:2])
    model = nn.Sequential(nn.Linear(20, 64), nn.GELU(), nn.Linear(64, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return fit(
        model,
        nn.MSELoss(),
        optimizer,
        data,
        epochs=3,
        batch_size=16,
        accumulate=4,
        clip=1.0,
        schedule=cosine(warmup="0.1 run"),
        precision="bfloat16",
        progress=False,
    )


def averaged() -> Run:
    """A loader, a moving average of the weights, two optimizers."""
    torch.manual_seed(0)
    x = torch.randn(600, 20)
    y = x[:, :1].sin() + x[:, 1:2]
    loader = DataLoader(TensorDataset(x[:500], y[:500]), batch_size=50, shuffle=True)
    body, head = nn.Sequential(nn.Linear(20, 64), nn.BatchNorm1d(64), nn.ReLU()), nn.Linear(64, 1)
    optimizers = [
        torch.optim.SGD(body.parameters(), lr=0.05, momentum=0.9),
        torch.optim.AdamW(head.parameters(), lr=1e-3),
    ]
    return fit(
        nn.Sequential(body, head),
        nn.MSELoss(),
        optimizers,
        loader,
        epochs=3,
        average=0.99,
        validate=(x[500:], y[500:]),
        progress=False,
    )


RUNS = (digits, windows, averaged)


def page() -> str:
    """The whole page, from making every run."""
    torch.set_num_threads(1)
    return "\n".join([HEAD, *map(section, RUNS)])


def section(run: Callable[[], Run]) -> str:
    """A run as it was asked for, and the loop it is written out as."""
    lines = inspect.getsource(run).splitlines()
    asked = textwrap.dedent("\n".join(lines[2:])).replace("return fit(", "run = fit(")
    title = (run.__doc__ or "").removesuffix(".")
    return f"## {title}\n\n```python\n{asked}\n```\n\n```python\n{run().source()}```\n"


if __name__ == "__main__":
    (ROOT / "docs" / "eject.md").write_text(page(), encoding="utf-8")
