"""Whole numbers as options: how many samples, how many epochs, which seed."""

from __future__ import annotations

from typing import Any

MOST_SEED = 2**64 - 1  # torch.manual_seed takes no more


def need_count(name: str, value: Any, *, least: int = 1) -> None:
    """Refuse what is no whole number from ``least`` on.

    Raises:
        TypeError: not an ``int`` (a float, a bool, text).
        ValueError: too small.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        do = f"int({name})" if hasattr(value, "dtype") else "10, for example"
        raise TypeError(
            f"{name}={value!r} is of type {type(value).__name__}, and an int of at least {least} "
            f"was expected\n  do: {name}={do}"
        )
    if value < least:
        raise ValueError(
            f"{name}={value} was given, and an int of at least {least} was expected\n"
            f"  do: {name}=10, for example"
        )


def need_seed(value: Any) -> None:
    """Refuse what is neither None nor a seed."""
    if value is None:
        return
    need_count("seed", value, least=0)
    if value > MOST_SEED:
        raise ValueError(
            f"seed={value} was given, and torch takes seeds below 2**64\n  do: seed=0, for example"
        )
