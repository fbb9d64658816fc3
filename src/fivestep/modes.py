"""Train mode and eval mode, and every single module put back as the user had it."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from torch import nn

lent: list[Any] = []  # a model that is trained in the background, and the thread that does it


@contextmanager
def eval_mode(model: Any) -> Generator[None]:
    """Put every module into eval mode, and afterwards each one back as it was.

    Raises:
        RuntimeError: it is being trained in another thread, which needs its mode.
    """
    if lent and lent[0] is model and lent[1] != threading.get_ident():
        raise RuntimeError(
            "this model is being trained in the background: eval mode would reach that training\n"
            "  do: run.wait() or run.stop() first"
        )
    with _switched(model, training=False):
        yield


@contextmanager
def train_mode(model: Any) -> Generator[None]:
    """Put a model that is in eval mode into train mode, and afterwards back.

    A model whose root is in train mode is left alone, so that what its owner has put into eval
    mode on purpose (a frozen BatchNorm) stays there.
    """
    if getattr(model, "training", True):
        yield
        return
    with _switched(model, training=True):
        yield


@contextmanager
def _switched(model: Any, *, training: bool) -> Generator[None]:
    if not isinstance(model, nn.Module):
        yield
        return
    before = [(module, module.training) for module in model.modules()]
    root = model.training
    model.train(training)
    try:
        yield
    finally:
        if model.training != root:
            model.train(root)  # through the method: some modules do more there than set a flag
        for module, mode in before:
            module.training = mode
