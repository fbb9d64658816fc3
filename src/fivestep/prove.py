"""``prove``: the guarantees of fivestep, shown on the user's own model, loss and data."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from fivestep import check
from fivestep.batches import DEFAULT_BATCH_SIZE, Batches, batches, brings_samples
from fivestep.counts import need_count, need_seed
from fivestep.evaluate import float_type
from fivestep.listen import unheard
from fivestep.proofs import Guarantee, chosen
from fivestep.proofs.bench.compare import name_of
from fivestep.proofs.bench.position import put_back
from fivestep.proofs.bench.rows import collect
from fivestep.proofs.bench.verdict import Shown, Verdict
from fivestep.proofs.bench.workbench import Workbench, rehearse, to_device
from fivestep.proofs.proof import Proof, Row
from fivestep.proofs.resumed_is_uninterrupted import setup_of
from fivestep.randomness import preserved

SAMPLES = 64


def prove(
    model: Callable[..., Any],
    loss_fn: Callable[[Any, Any], Any],
    optimizer: Any,
    data: Any,
    *,
    batch_size: int | None = None,
    items: Callable[[Any], Any] | None = None,
    forward: Callable[[Any, Any], Any] | None = None,
    window: int = 4,
    samples: int = SAMPLES,
    seed: int = 0,
    only: str | Sequence[str] | None = None,
    tolerance: float | None = None,
    setup: str | os.PathLike[str] | None = None,
) -> Proof:
    """Show the guarantees of fivestep on your own model, loss and data.

    All of it runs on copies, a few batches long; model, optimizer, random numbers, modes,
    gradients and the position of a loader are as before afterwards. Rounding is told from error by
    computing in float64 as well, wherever the model runs in it.

    Args:
        model: as for ``fit``. It is copied with ``copy.deepcopy``, together with all else.
        loss_fn: as for ``fit``. It may not use the model from outside (a global, a closure).
        optimizer: as for ``fit``. Hooks on its steps and schedules are not copied.
        data: as for ``fit``; samples lie along the first dimension of every tensor.
        batch_size: samples in a batch of the training runs; that of a loader, or 32, if not said.
        items: as for ``fit``: how many items a batch's loss is the mean of.
        forward: as for ``fit``: takes the model and a whole batch, returns the prediction.
        window: micro-batches in an update.
        samples: how many to use; fewer if the data holds fewer.
        seed: for all random numbers drawn meanwhile, and for the choice of what is looked at.
        only: the name of a guarantee, or several of them.
        tolerance: share of the size of what is compared that it may differ by, in the place of
            machine epsilon times growth; what is compared bitwise stays so.
        setup: the file that defines them, as for ``fivestep prove``. Fresh processes run it again
            and go on from what was saved; without it, that a resumed training ends as one never
            stopped is not proved.

    Returns:
        The ``Proof``: ``proof.holds``, ``print(proof)``, ``proof.to_json()``.

    Raises:
        TypeError, ValueError: something is wrong with what was given; what, and what to do.
    """
    _check(model, loss_fn, optimizer, data, batch_size, window, samples, seed, tolerance)
    model = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    guarantees = chosen(only if only is None or isinstance(only, str) else list(only))
    begun = time.perf_counter()
    cut = batch_size if brings_samples(data) else None
    made = batches(data, batch_size=cut, seed=seed, dtype=float_type(model))
    with unheard(), put_back(data), preserved(*made.generators), torch.enable_grad():
        bench = Workbench(
            model=model, loss_fn=loss_fn, optimizer=optimizer, items=items, forward=forward,
            rows=collect(made, samples, whole=forward is not None),
            batch_size=batch_size or _batch_size(made), window=window, seed=seed,
            tolerance=tolerance, setup=setup_of(setup),
        )  # fmt: skip
        to_device(bench)
        rehearse(bench)
        rows = [_row(one, bench) for one in guarantees]
    return Proof(rows=rows, used=_used(bench), seconds=time.perf_counter() - begun)


def _check(
    model: Any, loss_fn: Any, optimizer: Any, data: Any, batch_size: Any, window: Any, samples: Any,
    seed: Any, tolerance: Any,
) -> None:  # fmt: skip
    check.model(model)
    check.loss_fn(loss_fn)
    check.optimizer(optimizer, model)
    need_seed(seed)
    if seed is None:
        raise TypeError("seed=None was given, and a proof needs one\n  do: seed=0, for example")
    need_count("window", window, least=2)
    need_count("samples", samples)
    if batch_size is not None:
        need_count("batch_size", batch_size)
    if tolerance is not None and not 0 < tolerance < 1:  # 0 would ask for the same bits
        raise ValueError(
            f"tolerance={tolerance!r} was given, and a share between 0 and 1 was expected, "
            "neither of them\n  do: leave it out, or tolerance=1e-10"
        )
    if hasattr(data, "__next__"):
        raise ValueError(
            f"data is a {type(data).__name__}, and what is taken from it cannot be put back\n"
            "  do: pass a list of its batches, a DataLoader or a pair (inputs, targets)"
        )


def _batch_size(made: Batches) -> int:
    size = made.cut[1] if made.cut else getattr(made.source, "batch_size", None)
    return size if isinstance(size, int) else DEFAULT_BATCH_SIZE


def _row(guarantee: Guarantee, bench: Workbench) -> Row:
    begun = time.perf_counter()
    try:
        shown = guarantee.show(bench)
    except Exception as error:
        shown = Shown(
            verdict=Verdict.FAILS,
            cause=f"it could not be shown: {type(error).__name__}: {error}",
            do="the model, the loss or the optimizer fails where this tries other batches or modes",
        )
    return Row(guarantee.name, guarantee.claim, shown, time.perf_counter() - begun)


def _used(bench: Workbench) -> dict[str, Any]:
    own = bench.model.parameters() if isinstance(bench.model, nn.Module) else ()
    first = bench.optimizer.param_groups[0]["params"][0]
    return {
        "samples": bench.rows.count,
        "batch_size": bench.batch_size,
        "window": bench.window,
        "seed": bench.seed,
        "parameters": sum(one.numel() for one in own),
        "dtype": name_of(bench.dtype),
        "device": str(first.device),
        "torch": str(torch.__version__),
    }
