"""A proof in plain values, for programs; ``prove.schema.json`` says its form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fivestep.proofs.bench.verdict import Measure
from fivestep.version import __version__

if TYPE_CHECKING:
    from fivestep.proofs.proof import Proof, Row

SCHEMA = 1  # it changes when a field changes its meaning or goes away


def as_plain(proof: Proof) -> dict[str, Any]:
    """The proof as JSON values; NaN and inf are the words ``"nan"``, ``"inf"``, ``"-inf"``."""
    return {
        "schema": SCHEMA,
        "fivestep": __version__,
        "holds": proof.holds,
        "used": proof.used,
        "seconds": round(proof.seconds, 3),
        "guarantees": [_row(row) for row in proof.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    shown = row.shown
    return {
        "name": row.name,
        "claim": row.claim,
        "verdict": row.verdict.value,
        "cause": shown.cause,
        "do": shown.do,
        "notes": list(shown.notes),
        "seconds": round(row.seconds, 3),
        "measures": [_measure(one) for one in shown.measures],
    }


def _measure(measure: Measure) -> dict[str, Any]:
    values = measure._asdict() | {"holds": measure.holds}
    return {
        name: _number(value) if isinstance(value, float) else value
        for name, value in values.items()
    }


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
