"""What the doctor says while the script still runs."""

from __future__ import annotations

from collections.abc import Callable

from fivestep.doctor import Doctor, diagnose
from fivestep.finding import Finding, Severity
from fivestep.page.protocol import Message, placed
from fivestep.report.plain import as_finding

# These say that something never came: it still may, until the script has ended.
AT_THE_END = frozenset({"missing-backward", "missing-update", "unstepped-schedule"})
AT_FIRST = 20  # iterations that are looked at whatever it costs
GROWTH = 1.5  # of the iterations between two looks
# What is only suspicious may have been the beginning, such as a deep network that is slow to start:
# it is told from here on, when two looks in a row have seen it, and taken back when it is gone.
SURE = 10  # iterations

Key = tuple[str, str, int]


class Findings:
    """Asks the doctor ever more rarely, or whenever the loop is held; tells what is new.

    Args:
        doctor: has the ears.
        post: takes a kind and the fields of a message; returns its number.
        seq_of: the number of the message that a finding points at.
        name: what a file is called in messages.
    """

    def __init__(
        self,
        doctor: Doctor,
        post: Callable[[str, Message], int],
        seq_of: Callable[[Finding], int],
        name: Callable[[str], str],
    ) -> None:
        self._doctor, self._post, self._seq_of, self._name = doctor, post, seq_of, name
        self._told: dict[Key, int] = {}  # and the number of its message
        self._early: set[Key] = set()  # told, and may be taken back
        self._seen: set[Key] = set()  # at the look before
        self._next = 1

    def look(self, iteration: int, watched: bool, free: bool) -> None:
        """An iteration is over.

        Args:
            iteration: which.
            watched: somebody can follow.
            free: the share of the time that goes to details is not used up.
        """
        due = iteration >= self._next and (free or iteration < AT_FIRST)
        if due or (watched and iteration < AT_FIRST):
            self._next = max(iteration + 1, int(iteration * GROWTH))
            self._tell(iteration, ended=False)

    def finish(self) -> None:
        """The script is over."""
        self._tell(0, ended=True)

    def _tell(self, iteration: int, *, ended: bool) -> None:
        found = {_key(one): one for one in diagnose(self._doctor.record).findings}
        for key, one in found.items():
            sure = ended or (one.severity is Severity.WRONG and one.rule not in AT_THE_END)
            early = not sure and iteration >= SURE and key in self._seen
            if sure:
                self._early.discard(key)
            if key in self._told or not (sure or (early and one.rule not in AT_THE_END)):
                continue
            told = named(one, self._name) | {"seq_of": self._seq_of(one), "early": early}
            self._told[key] = self._post("finding", told)
            if early:
                self._early.add(key)
        for key in self._early - set(found):
            self._early.discard(key)
            self._post("withdrawn", {"seq_of": self._told.pop(key)})
        self._seen = set(found)


def named(finding: Finding, name: Callable[[str], str]) -> Message:
    """A finding as a message, with its files as messages name them."""
    return placed(as_finding(finding), name)


def _key(finding: Finding) -> Key:
    site = finding.site
    return finding.rule, site.file if site else "", site.line if site else 0
