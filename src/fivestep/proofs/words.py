"""Numbers and sentences of a proof, for the page and the JSON."""

from __future__ import annotations

import math

from fivestep.proofs.bench.verdict import Measure


def deviation(measure: Measure) -> str:
    """``0, bitwise``, ``2.8e-17 (1.1e-15)``: absolute, and relative to the largest value."""
    if measure.equal:
        return "0"
    if math.isinf(measure.absolute):
        return "differs"
    if measure.absolute == 0:
        return "0, other bits"
    return f"{measure.absolute:.1e} ({measure.relative:.1e})"


def told_apart(first: float, second: float, *, digits: int) -> tuple[str, str]:
    """Both with so many digits, or with as many as show that they differ."""
    for count in range(digits, 18):
        told = f"{first:.{count}g}", f"{second:.{count}g}"
        if told[0] != told[1]:
            return told
    return f"{first:.{digits}g}", f"{second:.{digits}g}"


def bound(measure: Measure) -> str:
    """``bitwise`` or a number."""
    return "bitwise" if measure.bound == 0 else f"{measure.bound:.1e}"
