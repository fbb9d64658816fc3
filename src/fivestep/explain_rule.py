"""The page of a rule: its docs, the source of its two loops, and what the doctor says of them."""

from __future__ import annotations

import inspect

from fivestep.doctor import diagnose
from fivestep.finding import Rule
from fivestep.practice import overhear


def page(rule: Rule) -> str:
    """What ``fivestep explain NAME`` prints. Both loops are run."""
    sick, healthy = diagnose(overhear(rule.sick)), diagnose(overhear(rule.healthy))
    return "\n".join(
        [
            f"{rule.name} ({rule.code}, {rule.severity.value})",
            "",
            rule.text,
            "",
            "-- sick " + "-" * 70,
            "",
            inspect.getsource(rule.sick),
            str(sick),
            "-- healthy " + "-" * 67,
            "",
            inspect.getsource(rule.healthy),
            str(healthy),
        ]
    )
