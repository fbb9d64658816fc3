"""The reports of several ranks become one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fivestep.doctor import Diagnosis, fold
from fivestep.finding import Finding, Rank, Report


def merge(reports: Mapping[int, Report], missing: Mapping[int, str] | None = None) -> Diagnosis:
    """One report of a run with several processes.

    The same rule at the same line is one finding, whose ``ranks`` says on which it was seen.

    Args:
        reports: the report of each rank that answered.
        missing: why nothing came from the others.
    """
    by_rank = dict(sorted(reports.items()))
    all_of_them = list(by_rank.values())
    found = {one.rule for report in all_of_them for one in report.findings + report.ignored}
    checked = {name: None for report in all_of_them for name in report.checked}
    not_checked = {name: why for one in all_of_them for name, why in one.not_checked.items()}
    return Diagnosis(
        findings=fold(_joined((rank, one.findings) for rank, one in by_rank.items())),
        checked=[name for name in checked if name not in found],
        not_checked={name: why for name, why in not_checked.items() if name not in checked},
        ignored=_joined((rank, one.ignored) for rank, one in by_rank.items()),
        iterations=max((one.iterations for one in all_of_them), default=0),
        seconds=max((one.seconds for one in all_of_them), default=0.0),
        problems=[f"rank {rank}: {said}" for rank, one in by_rank.items() for said in one.problems],
        ended=next((one.ended for one in all_of_them if one.ended), ""),
        ranks=_ranks(by_rank, missing or {}),
        notes=list(dict.fromkeys(note for one in all_of_them for note in one.notes)),
        site=next((one.site for one in all_of_them if one.site is not None), None),
    )


def _ranks(reports: Mapping[int, Report], missing: Mapping[int, str]) -> list[Rank]:
    answered = [Rank(rank, one.iterations, one.seconds, one.ended) for rank, one in reports.items()]
    others = [Rank(rank, missing=why) for rank, why in missing.items()]
    return sorted(answered + others, key=lambda one: one.number)


def _joined(findings: Iterable[tuple[int, list[Finding]]]) -> list[Finding]:
    """The same rule at the same line, once."""
    alike: dict[tuple[str, str], dict[int, Finding]] = {}
    for rank, listed in findings:
        for one in listed:
            alike.setdefault((one.rule, str(one.site)), {}).setdefault(rank, one)
    return [_one(seen) for seen in alike.values()]


def _one(seen: dict[int, Finding]) -> Finding:
    """The finding of the lowest rank, with what the others add to it."""
    first = seen[min(seen)]
    effects = {effect.rule: effect for one in seen.values() for effect in one.consequences}
    return Finding(
        first.message, first.cause, first.fix, first.evidence, first.site,
        min(one.iteration for one in seen.values()), max(one.count for one in seen.values()),
        max(one.confidence for one in seen.values()),
        rule=first.rule, code=first.code, severity=first.severity,
        consequences=list(effects.values()), ranks=tuple(sorted(seen)),
    )  # fmt: skip
