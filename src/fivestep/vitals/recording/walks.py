"""A walk through the graph of a loss, written into its backward."""

from __future__ import annotations

from typing import Any

import torch

from fivestep.vitals import graphs
from fivestep.vitals.events import Backward, Forward, Loss, Stray
from fivestep.vitals.facts import Graph, Node
from fivestep.vitals.measure import norms, piece, quietly
from fivestep.vitals.recording.notes import Notes
from fivestep.vitals.recording.sampling import NUMB
from fivestep.vitals.recording.strays import Strays

STRAYS = 32  # that are written into one backward
SEEN, AGAIN = 3, 16  # a graph is kept the first times that it is seen, then every so many


class Walks:
    """Walks, and writes down what was found."""

    def __init__(self, notes: Notes, strays: Strays) -> None:
        self._notes, self._strays = notes, strays
        self._graphs: dict[int, tuple[int, int]] = {}  # of a line: the last graph, times it came
        self._numb: set[int] = set()  # lines of which the last graph had numb units

    def walk(self, loss: torch.Tensor) -> graphs.Walked:
        """Walk the graph behind a loss."""
        with quietly():
            return graphs.walk(loss, self._number, saved=True)

    def _number(self, variable: torch.Tensor) -> int:
        number = self._notes.who.parameters.find(variable)
        return -1 if number is None else number

    def write(self, event: Backward, walked: graphs.Walked, place: int) -> None:
        """Write down what it reached, after it has run."""
        self._write_leaves(event, walked.leaves, place)
        recent = self._notes.recent
        marks = {at: recent[at] for at in walked.marks if at in recent}
        for one in marks.values():
            one.backward = True
        event.forwards = tuple(sorted(at for at, one in marks.items() if isinstance(one, Forward)))
        event.losses = tuple(sorted(at for at, one in marks.items() if isinstance(one, Loss)))
        if self._is_to_be_shown(walked.graph, place):
            event.graph = walked.graph
        gradients = [leaf.grad for leaf in walked.leaves if leaf.grad is not None]
        self._gradient_norm(event, gradients)

    def _write_leaves(self, event: Backward, leaves: list[torch.Tensor], place: int) -> None:
        numbers: list[int] = []
        strays: list[Stray] = []
        astray: list[torch.Tensor] = []
        for leaf in leaves:
            number = self._notes.who.parameters.find(leaf)
            if number is None:
                strays.append(self._strays.describe(leaf, known_place=place in self._graphs))
                astray.append(leaf)
                continue
            numbers.append(number)
            facts = self._notes.record.parameters[number]
            facts.reached += facts.model is not None
        event.reached, event.strays = tuple(numbers), tuple(strays[:STRAYS])
        self._strays.place(strays, astray)

    def _is_to_be_shown(self, graph: Graph, place: int) -> bool:
        """A graph is kept when it is new, from time to time, and around what is numb or bad."""
        shape = hash(tuple((node.name, node.shape, node.inputs) for node in graph.nodes))
        known, times = self._graphs.get(place, (None, 0))
        numb = any(_is_numb(node) for node in graph.nodes)
        shown = numb or place in self._numb or self._notes.bad
        (self._numb.add if numb else self._numb.discard)(place)
        self._graphs[place] = (shape, times + 1 if shape == known else 1)
        return shape != known or times < SEEN or times % AGAIN == 0 or shown

    def _gradient_norm(self, event: Backward, gradients: list[torch.Tensor]) -> None:
        plain = [piece(one) for one in gradients if type(one) is torch.Tensor and not one.is_sparse]
        if not plain or len({one.device for one in plain}) > 1:
            return

        def keep(values: Any) -> None:
            event.gradient_norm = float((values**2).sum() ** 0.5)

        with quietly():
            self._notes.later.read(norms(plain), keep)


def _is_numb(node: Node) -> bool:
    return max(node.dead or 0.0, node.saturated or 0.0) >= NUMB
