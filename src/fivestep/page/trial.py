"""A model asked what it would say elsewhere, and with other parameters: nobody notices.

The module itself is called, in eval mode, with copies where something could be written to; its
attributes, modes and containers are put back, the random numbers too, and nobody hears it.
"""
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import copy
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from fivestep.listen import unheard
from fivestep.randomness import preserved
from fivestep.vitals.measure import quietly

_CONTAINERS = (list, dict, set)


@contextmanager
def trial(*asked: nn.Module) -> Generator[None]:
    """Whatever is asked of these inside, everything is afterwards as if it had not been."""
    modules = [part for one in asked for part in nn.Module.modules(one)]
    kept = [(vars(one), dict(vars(one))) for one in modules]
    held = [
        (value, copy.copy(value)) for _, before in kept for value in before.values()
        if type(value) in _CONTAINERS or type(value).__name__ == "OrderedDict"
    ]  # fmt: skip
    with unheard(), preserved(), quietly(), _without_warnings(), _one_thread():
        try:
            for now, before in kept:
                now["training"] = False
                now.update({n: v.clone() for n, v in before.items() if type(v) is Tensor})
            yield
        finally:
            for now, before in kept:
                _put_back(now, before)
            for now, before in held:
                _put_back(now, before)


@contextmanager
def _without_warnings() -> Generator[None]:
    """Such as of shapes that broadcast: the script has had them.

    ``catch_warnings`` would let it have them again: Python forgets then which were shown.
    """

    def silent(*args: Any, **kwargs: Any) -> None:
        pass

    before = warnings.warn
    warnings.warn = cast("Any", silent)
    try:
        yield
    finally:
        warnings.warn = before


@contextmanager
def _one_thread() -> Generator[None]:
    """Small things are asked, thousands of them: threads would wait for each other all the time.

    Where the cores have other work, too, that made 0.8 seconds into more than ten.
    """
    before = torch.get_num_threads()
    if before > 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if before > 1:
            torch.set_num_threads(before)


def _put_back(now: Any, before: Any) -> None:
    same = (
        len(now) == len(before) and all(now.get(key, now) is before[key] for key in before)
        if isinstance(now, dict)
        else now == before
    )  # torch.compile looks at the versions of such dicts
    if not same:
        now.clear()
        (now.extend if isinstance(now, list) else now.update)(before)


def ask(model: nn.Module, inputs: Tensor, parameters: dict[str, Tensor] | None = None) -> Tensor:
    """What a model answers, perhaps with other parameters. Inside of ``trial``."""
    buffers = {name: one.clone() for name, one in nn.Module.named_buffers(model)}
    given: Any = buffers | (parameters or {})
    return cast("Tensor", functional_call(model, given, (inputs,)))
