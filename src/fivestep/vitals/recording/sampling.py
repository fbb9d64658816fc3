"""Which iterations are measured in detail, and every limit to what is kept."""

from __future__ import annotations

import time

FIRST = 32  # training iterations measured in detail at the start
OTHERS = 16  # the same for iterations without a backward (evaluation, rollouts)
EVERY, IN_A_ROW = 128, 2  # afterwards: two in a row out of every 128
RARELY = 8  # times EVERY: from that many on, only so often
CHANGED = 4  # detailed iterations after a change of the sequence of events
CHANGES = 32  # changes after which that is done
KEPT = 512  # different sequences of events that are kept
ALIKE = 64  # detailed iterations kept of one sequence
LONG = 64  # events in an iteration, from which on repeated ones are only counted
LABELLED = 64  # batches of a loader of which the labels are counted
BULK = 64  # iterations between two reads from an accelerator
NUMB = 0.9  # share of units dead or saturated from which on a graph is kept, though it is known
RUNS = 1000  # modules written down in one forward
RATES = 4096  # changes of a learning rate that are kept


class Sampling:
    """Counts the iterations and plans the next."""

    def __init__(self) -> None:
        self.detailed = True  # this iteration is measured in detail
        self.trained = 0  # iterations with a backward so far
        self._others = self._changed = self._sampled = 0
        self._began = time.perf_counter()  # this iteration

    def ended(self, *, trains: bool) -> None:
        """An iteration has ended: plan the next."""
        self.trained, self._others = self.trained + trains, self._others + (not trains)
        self._plan(other=not trains)

    def ended_quickly(self, rounds: int) -> None:
        """So many iterations went the short way: plan the next."""
        self.trained += rounds
        if rounds:
            self._plan(other=False)
            self.detailed = self.detailed and self.until_sample() == _every(self.trained)

    def changed(self, known: int) -> None:
        """A sequence of events is new, beside so many known ones: look at the next few closely."""
        self._changed = CHANGED if known < CHANGES else 0

    def _plan(self, *, other: bool) -> None:
        """Decide whether the next iteration is measured in detail."""
        self._began = time.perf_counter()
        sample = self.trained % _every(self.trained) < IN_A_ROW and self.trained != self._sampled
        if sample:
            self._sampled = self.trained
        early = self.trained < FIRST or (other and self._others < OTHERS)
        self.detailed = early or sample or self._changed > 0
        self._changed = max(0, self._changed - 1)

    def until_sample(self) -> int:
        """Iterations until the next that is measured in detail."""
        return _every(self.trained) - self.trained % _every(self.trained)

    def seconds(self) -> float:
        """Since this iteration began."""
        return time.perf_counter() - self._began


def _every(trained: int) -> int:
    return EVERY if trained < RARELY * EVERY else RARELY * EVERY
