"""The sentences of a report that a terminal and a page share."""

from __future__ import annotations

from collections.abc import Iterable

from fivestep.finding import Finding, Rank, Report

NAMED = 3  # rules that are named one by one where many share a reason
REASONS = 2  # for which each has a line of its own
OUR_FAULT = ("the rule failed", "could not be loaded")


def headline(report: Report) -> str:
    """What was found in how many iterations, or that there is nothing to say."""
    iterations = _iterations(report)
    if report.ended:
        iterations += f", until {report.ended.split(':')[0]} ended the program"
    if report.findings:
        return f"{several(len(report.findings), 'fault')} in {iterations}"
    checked = f"{several(len(report.checked), 'rule')} in order"
    others = f", {len(report.not_checked)} not checked" if report.not_checked else ""
    return f"nothing to say about {iterations} ({checked}{others})"


def _iterations(report: Report) -> str:
    answered = [one for one in report.ranks if not one.missing]
    if len(answered) < 2:
        of = f" of rank {answered[0].number}" if answered else ""
        return several(report.iterations, "iteration") + of
    counts = [one.iterations for one in answered]
    if len(set(counts)) == 1:
        return f"{several(counts[0], 'iteration')} on each of {len(counts)} ranks"
    each = (f"{one.iterations} on rank {one.number}" for one in answered)
    return f"iterations {enumerated(each)}"


def several(count: int, word: str) -> str:
    """A number of things in words: ``1 rule``, ``2 rules``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def enumerated(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *first, last = list(words)
    return f"{', '.join(first)} and {last}" if first else last


def seen(finding: Finding) -> str:
    """When it was seen, and the numbers that show it."""
    ranks = f", on {on_ranks(finding.ranks)}" if finding.ranks else ""
    iterations = several(finding.count, "iteration")
    first = f"in {iterations}{ranks}, first in iteration {finding.iteration}"
    facts = {name.replace("_", " "): value for name, value in finding.evidence.items()}
    numbers = " · ".join(f"{name} {_number(value)}" for name, value in facts.items())
    sure = "" if finding.confidence == 1 else f" · confidence {finding.confidence:.0%}"
    return f"{first} · {numbers}{sure}"


def on_ranks(numbers: Iterable[int]) -> str:
    """``rank 1`` or ``ranks 0, 1 and 3``."""
    words = [str(number) for number in numbers]
    return f"rank{'s' if len(words) > 1 else ''} {enumerated(words)}"


def _number(value: float | str | bool) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def closing(report: Report) -> list[str]:
    """What was in order, and what could not be checked and why."""
    lines: list[str] = []
    if report.findings:
        lines.append(f"checked and in order: {several(len(report.checked), 'rule')}")
    if not report.findings and report.checked:
        return lines
    by_reason: dict[str, list[str]] = {}
    for name, why in report.not_checked.items():
        by_reason.setdefault(why, []).append(name)
    own = [why for why in by_reason if why.startswith(OUR_FAULT)]
    rest = {why: names for why, names in by_reason.items() if why not in own}
    ours = [f"not checked: {_some(by_reason[why])} ({why})" for why in own]
    return lines + _unchecked(rest) + ours


def _unchecked(by_reason: dict[str, list[str]]) -> list[str]:
    """Each reason with its rules; many reasons without them, in one line: the JSON has them all."""
    if len(by_reason) <= REASONS:
        return [f"not checked: {_some(names)} ({why})" for why, names in by_reason.items()]
    count = sum(len(names) for names in by_reason.values())
    return [f"not checked: {several(count, 'rule')} ({'; '.join(by_reason)})"]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def troubles(report: Report) -> list[str]:
    """What went wrong around it: ranks that failed or did not answer, and faults of our own."""
    ranks = [said for one in report.ranks if (said := _trouble(one))]
    own = [f"fivestep itself failed and stopped listening: {one}" for one in report.problems]
    return ranks + report.notes + own


def _trouble(rank: Rank) -> str:
    if rank.missing:
        return f"rank {rank.number} is not in this report: {rank.missing}"
    return f"rank {rank.number} ended with {rank.ended}" if rank.ended else ""
