"""From the vitals of a run to what is wrong with it: one fault, one finding."""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterable
from typing import Any

from torch import nn

from fivestep.finding import Finding, Report, Rule, Severity
from fivestep.listen import Listener
from fivestep.needs import unmet
from fivestep.report import as_html, as_text
from fivestep.rules import broken, catalogue, named
from fivestep.vitals.events import Backward, Update
from fivestep.vitals.facts import Site
from fivestep.vitals.record import Record, Vitals

# The course of the run shows what any fault of the steps before it does to the loss.
COURSE = ("diverging-loss", "zigzag-loss", "flat-loss")
_IGNORE = re.compile(r"#\s*fivestep:\s*ignore(?:\[([^\]]*)\])?")


class Diagnosis(Report):
    """A report that prints itself, as on a terminal but without colours; a page in a notebook."""

    def __str__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # IPython in a terminal
        printer.text(str(self).rstrip())


def diagnose(
    vitals: Record | Iterable[Vitals],
    *,
    rules: Iterable[str] | None = None,
    ignore: Iterable[str] = (),
) -> Diagnosis:
    """Check a run against the rules.

    Args:
        vitals: a record, or the vitals of some iterations.
        rules: names or codes; all of them if None.
        ignore: names or codes whose findings are left out.

    Raises:
        ValueError: a name is no rule's.
    """
    record = vitals if isinstance(vitals, Record) else _as_record(vitals)
    wanted = list(catalogue().values()) if rules is None else [named(one) for one in rules]
    silent = {named(one).name for one in ignore}
    unloaded = {name: f"could not be loaded: {why}" for name, why in broken().items()}
    report = Diagnosis(
        [], [], unloaded if rules is None else {}, iterations=_trained(record),
        seconds=record.seconds, problems=list(record.problems), ended=record.ended, site=_somewhere(record),
    )  # fmt: skip
    for rule in wanted:
        _apply(rule, record, silent, report)
    report.findings = fold(report.findings)
    return report


def _trained(record: Record) -> int:
    """Batches taken through the five steps; where none was, whatever there is."""
    kept = sum(one.repeats for one in record.iterations if one.trains)
    return kept + record.unkept if kept else record.length


def _somewhere(record: Record) -> Site | None:
    """The first line of the loop that shows it at work: a backward, else an update."""
    shown = (*record.events(Backward), *record.events(Update))
    return next((event.site for _, event in shown if event.site is not None), None)


def _apply(rule: Rule, record: Record, silent: set[str], report: Report) -> None:
    heard = record.count(Backward) or record.count(Update)  # an update alone may be the fault
    why = "no backward was heard" if not heard and rule.step > 1 else ""
    try:
        why = why or rule.unchecked(record)
        found = [] if why else list(rule.check(record))
    except Exception as error:  # a rule that fails must not take the others with it
        report.not_checked[rule.name] = f"the rule failed: {type(error).__name__}: {error}"
        return
    for one in found:
        one.rule, one.code, one.severity = rule.name, rule.code, rule.severity
        unwanted = rule.name in silent or _ignored_in_source(one)
        (report.ignored if unwanted else report.findings).append(one)
    why = why or ("" if found else unmet(rule.needs, record))
    if why:
        report.not_checked[rule.name] = why
    elif not found:
        report.checked.append(rule.name)


def fold(findings: list[Finding]) -> list[Finding]:
    """Put every consequence under its cause. Of several causes the earliest step wins."""
    ordered = sorted(findings, key=lambda one: (one.code, one.iteration))
    causes: list[Finding] = []
    for one in ordered:
        cause = next(
            (other for other in ordered if other is not one and explains(other, one)), None
        )
        if cause is None:
            causes.append(one)
        else:
            _root(cause, ordered).consequences.append(one)
    return causes


def _root(finding: Finding, others: list[Finding]) -> Finding:
    for _ in others:
        cause = next((one for one in others if one is not finding and explains(one, finding)), None)
        if cause is None:
            return finding
        finding = cause
    return finding


def explains(cause: Finding, effect: Finding) -> bool:
    """Tell whether one finding is the cause of the other: its rule says so, and it came first."""
    if cause.rule == effect.rule or cause.severity is Severity.COSTLY:
        return False
    says = named(cause.rule).explains
    course = effect.rule in COURSE and cause.code < effect.code and cause.severity is Severity.WRONG
    if effect.rule not in says and not course:
        return False
    # Two rules that explain each other: what was seen first is the cause, then the earlier step.
    mutual = cause.rule in named(effect.rule).explains
    return not mutual or (cause.iteration, cause.code) < (effect.iteration, effect.code)


def _ignored_in_source(finding: Finding) -> bool:
    if finding.site is None:
        return False
    comment = _IGNORE.search(linecache.getline(finding.site.file, finding.site.line))
    if comment is None:
        return False
    names = comment.group(1)
    listed = [one.strip() for one in names.split(",")] if names is not None else []
    return names is None or finding.rule in listed or finding.code in listed


def _as_record(vitals: Iterable[Vitals]) -> Record:
    record = Record(iterations=list(vitals))
    for one in record.iterations:
        record.length += one.repeats
        for event in one.events:
            kind = type(event).__name__.lower()
            record.counts[kind] = record.counts.get(kind, 0) + one.repeats
    return record


class Doctor(Listener):
    """Listens between ``with`` and its end, and says what it found."""

    def report(
        self, *, rules: Iterable[str] | None = None, ignore: Iterable[str] = ()
    ) -> Diagnosis:
        """Diagnose what was overheard; rules and ignore as for ``diagnose``."""
        return diagnose(self.record, rules=rules, ignore=ignore)


def listen(*only: Any) -> Doctor:
    """Overhear the loop that runs inside a ``with`` block.

    Written ``with listen() as doctor:``.

    Args:
        only: models and optimizers; given any, nothing else is listened to.

    Returns:
        A context manager; ``doctor.report()`` says what was found and ``doctor.record`` holds the
        numbers.
    """
    models = tuple(one for one in only if isinstance(one, nn.Module))
    return Doctor(models, tuple(one for one in only if not isinstance(one, nn.Module)))
