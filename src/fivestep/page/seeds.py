"""A new seed, for a script that seeds itself: its calls are made with other numbers."""
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from fivestep.page.protocol import Message

PLACES: tuple[tuple[Any, str, str], ...] = (
    (random, "seed", "random.seed"),
    (np.random, "seed", "numpy.random.seed"),
    (torch, "manual_seed", "torch.manual_seed"),
)


@contextmanager
def reseeded(seed: int | None, post: Callable[[str, Message], Any]) -> Generator[None]:
    """Inside, whole numbers that the script seeds with become others; None changes nothing.

    Different seeds stay different. Generators of the script's own are left as they are.

    Args:
        seed: decides which others.
        post: is told once of each place.
    """
    if seed is None:
        yield
        return
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in PLACES]
    for owner, name, words in PLACES:
        setattr(owner, name, _other(getattr(owner, name), seed, words, post))
    try:
        yield
    finally:
        for owner, name, original in before:
            setattr(owner, name, original)


def _other(original: Any, seed: int, words: str, post: Callable[[str, Message], Any]) -> Any:
    told: set[str] = set()

    @functools.wraps(original)
    def called(*args: Any, **kwargs: Any) -> Any:
        given = args[0] if args else None
        if type(given) is not int:
            return original(*args, **kwargs)
        other = (given + seed) % 2**32
        if words not in told:
            told.add(words)
            text = f"new seed: {words}({given}) of the script is run as {words}({other})"
            post("note", {"text": text, "level": "info"})
        return original(other, *args[1:], **kwargs)

    return called
