"""The random numbers of each batch, decided by the seed, the epoch and the batch's number alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
import torch

Stream = Literal["order", "data", "collate", "model", "loop"]


def number_for(seed: int, epoch: int, batch: int, stream: Stream) -> int:
    """Make a number of 63 bits that no other place of a training shares."""
    text = f"{seed} {epoch} {batch} {stream}".encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest()) >> 1


def seed_for(seed: int, epoch: int, batch: int, stream: Stream) -> None:
    """Seed Python, NumPy and torch for one batch. Costs some 10 microseconds.

    ``"order"`` is what a sampler draws, ``"data"`` what the samples draw, in a worker or not,
    ``"collate"`` what their collation draws, ``"model"`` what the five steps draw, ``"loop"`` what
    a hand-written loop draws in an epoch before its batches. So nothing depends on who drew how
    much before.
    """
    number = number_for(seed, epoch, batch, stream)
    random.seed(number)
    np.random.seed(number % 2**32)  # NumPy's old global generator takes 32 bits
    torch.default_generator.manual_seed(number)
    if stream in ("model", "loop") and torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(number)


def random_states() -> dict[str, Any]:
    """Collect the states of all global generators: Python, NumPy, torch, every CUDA device."""
    states: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_initialized():
        states["cuda"] = torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_states(states: dict[str, Any]) -> None:
    """Put them back; those of devices that are not here are left out."""
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.device_count() == len(states["cuda"]):
        torch.cuda.set_rng_state_all(states["cuda"])
    if "mps" in states and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])


def seed_one(one: Any, number: int) -> None:
    """Seed a generator with a number of 63 bits."""
    if isinstance(one, torch.Generator):
        one.manual_seed(number)
    elif isinstance(one, random.Random):
        one.seed(number)
    elif isinstance(one, np.random.RandomState):
        one.seed(number % 2**32)
    else:
        one.bit_generator.state = type(one.bit_generator)(number).state


def states_of(generators: list[Any]) -> list[Any]:
    """Collect the states of generators of an object's own."""
    return [_reader(one)() for one in generators]


def set_states_of(generators: list[Any], states: list[Any]) -> None:
    """Put them back."""
    for one, state in zip(generators, states, strict=True):
        _writer(one)(state)


def _reader(one: Any) -> Callable[[], Any]:
    if isinstance(one, torch.Generator):
        return one.get_state
    if isinstance(one, random.Random):
        return one.getstate
    if isinstance(one, np.random.RandomState):
        return lambda: one.get_state(legacy=False)
    return lambda: one.bit_generator.state


def _writer(one: Any) -> Callable[[Any], Any]:
    if isinstance(one, torch.Generator):
        return one.set_state
    if isinstance(one, random.Random):
        return one.setstate
    if isinstance(one, np.random.RandomState):
        return one.set_state
    return lambda state: setattr(one.bit_generator, "state", state)
