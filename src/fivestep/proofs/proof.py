"""What came of the guarantees, as one object: rows, a table, JSON, an exit code."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fivestep.proofs.bench.verdict import Measure, Shown, Verdict
from fivestep.proofs.page import as_text
from fivestep.proofs.plain import as_plain


class Row(NamedTuple):
    """One guarantee, and what came of it."""

    name: str
    claim: str
    shown: Shown
    seconds: float

    @property
    def verdict(self) -> Verdict:
        """Whether it holds."""
        return self.shown.verdict

    @property
    def measure(self) -> Measure | None:
        """The comparison nearest to its bound, or furthest over it; None if there is none."""
        decisive = [one for one in self.shown.measures if one.decides]
        return max(decisive or self.shown.measures, key=_nearness, default=None)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What came of all guarantees.

    Attributes:
        rows: one for each guarantee, in the order of ``fivestep.proofs.NAMES``.
        used: what it was shown on: samples, batch_size, window, seed, dtype, device, parameters.
        seconds: how long it took.
    """

    rows: list[Row]
    used: dict[str, Any] = field(default_factory=dict[str, Any])
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Tell whether no guarantee fails."""
        return all(row.verdict is not Verdict.FAILS for row in self.rows)

    @property
    def code(self) -> int:
        """The exit code: 0, or 1 if a guarantee fails."""
        return int(not self.holds)

    def __getitem__(self, name: str) -> Row:
        """Find the row of a guarantee by its name."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    def __str__(self) -> str:
        return as_text(self)

    def to_dict(self) -> dict[str, Any]:
        """All of it in plain values; ``fivestep/prove.schema.json`` says the form."""
        return as_plain(self)

    def to_json(self) -> str:
        """The same as JSON text; NaN and inf are the words ``"nan"``, ``"inf"``, ``"-inf"``."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)


def _nearness(measure: Measure) -> tuple[bool, float]:
    share = measure.absolute / measure.bound if measure.bound else float(not measure.equal)
    return not measure.holds, share
