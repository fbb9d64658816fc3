"""The random numbers of Python, NumPy and torch: seeded together, kept and put back together."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

# What draws numbers of its own, beside the global ones.
GENERATORS = (torch.Generator, random.Random, np.random.RandomState, np.random.Generator)


def seed_all(seed: int) -> None:
    """Seed Python, NumPy and torch (the CPU and every accelerator) with one number >= 0."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # NumPy's old global generator takes 32 bits
    torch.manual_seed(seed)


@contextmanager
def preserved(*own: torch.Generator) -> Generator[None]:
    """Whatever is drawn inside, the numbers drawn afterwards are as if nothing had been.

    Args:
        own: generators to keep besides the global ones.
    """
    kept = [*_generators(), *((one.set_state, one.get_state) for one in own)]
    restore = [(put_back, state()) for put_back, state in kept]
    try:
        yield
    finally:
        for put_back, state in restore:
            put_back(state)


def _generators() -> list[tuple[Callable[[Any], Any], Callable[[], Any]]]:
    found: list[tuple[Callable[[Any], Any], Callable[[], Any]]] = [
        (random.setstate, random.getstate),
        (np.random.set_state, np.random.get_state),
        (torch.set_rng_state, torch.get_rng_state),
    ]
    if torch.cuda.is_initialized():  # asking before would start CUDA for nothing
        found.append((torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all))
    if torch.backends.mps.is_available():
        found.append((torch.mps.set_rng_state, torch.mps.get_rng_state))
    return found
