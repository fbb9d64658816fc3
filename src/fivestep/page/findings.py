"""What the doctor says while the script still runs."""

from __future__ import annotations

from collections.abc import Callable

from fivestep.doctor import Doctor, diagnose
from fivestep.finding import Finding, Severity
from fivestep.page.protocol import Message
from fivestep.report.plain import as_finding

# These say that something never came: it still may, until the script has ended. And what is only
# suspicious may have been the beginning, such as a deep network that is slow to start.
AT_THE_END = frozenset({"missing-backward", "missing-update", "unstepped-schedule"})
GROWTH = 1.5  # of the iterations between two looks


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
        self._told: set[tuple[str, str, int]] = set()
        self._next = 1

    def look(self, iteration: int, watched: bool) -> None:
        """An iteration is over."""
        if iteration >= self._next or (watched and iteration < 20):
            self._next = max(iteration + 1, int(iteration * GROWTH))
            self._tell(ended=False)

    def finish(self) -> None:
        """The script is over."""
        self._tell(ended=True)

    def _tell(self, *, ended: bool) -> None:
        for one in diagnose(self._doctor.record).findings:
            site = one.site
            key = (one.rule, site.file if site else "", site.line if site else 0)
            early = one.severity is not Severity.WRONG or one.rule in AT_THE_END
            if key in self._told or (early and not ended):
                continue
            self._told.add(key)
            self._post("finding", named(one, self._name) | {"seq_of": self._seq_of(one)})


def named(finding: Finding, name: Callable[[str], str]) -> Message:
    """A finding as a message, with its files as messages name them."""
    plain = as_finding(finding)
    waiting = [plain]
    while waiting:
        part = waiting.pop()
        if part["file"] is not None:
            part["file"] = name(part["file"])
        waiting += part["consequences"]
    return plain
