"""The fourth step: a backward starts, and ends."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from fivestep.vitals import graphs
from fivestep.vitals.events import Backward
from fivestep.vitals.facts import Site
from fivestep.vitals.measure import describe
from fivestep.vitals.recording.by_hand import ByHand
from fivestep.vitals.recording.curves import Curves
from fivestep.vitals.recording.holdings import Holdings, Reach
from fivestep.vitals.recording.nonfinite import Nonfinite
from fivestep.vitals.recording.notes import Notes
from fivestep.vitals.recording.probe import Probe
from fivestep.vitals.recording.retained import Retained
from fivestep.vitals.recording.scaling import Scaling
from fivestep.vitals.recording.walks import Walks


@dataclass(slots=True)
class OpenBackward:
    """A backward that has begun and not ended."""

    at: int
    place: int
    site: Site | None
    loss: torch.Tensor
    retain: bool
    create: bool
    reach: Reach
    walked: graphs.Walked | None = None
    again: bool = False  # it meets a graph that an earlier one kept
    kept: tuple[int, ...] = ()  # optimizers whose gradients were not empty
    graphs_alive: int = 0


class Backwards:
    """Writes down backwards."""

    def __init__(
        self, notes: Notes, holdings: Holdings, by_hand: ByHand, nonfinite: Nonfinite,
        walks: Walks, probe: Probe, scaling: Scaling, curves: Curves,
    ) -> None:  # fmt: skip
        self._notes, self._holdings, self._by_hand = notes, holdings, by_hand
        self._nonfinite, self._walks, self._probe = nonfinite, walks, probe
        self._scaling, self._curves = scaling, curves
        self._retained = Retained()

    def begins(
        self, loss: torch.Tensor, retain: bool, create: bool, site: Site | None,
        reached: list[torch.Tensor] | None = None,
    ) -> OpenBackward:  # fmt: skip
        """The outermost backward starts; without a graph (NumPy) it is told what it reaches."""
        notes = self._notes
        place = notes.site(site)
        self._by_hand.look()
        opened = OpenBackward(notes.next(), place, site, loss, retain, create, [])
        bad = self._nonfinite.look(loss)
        known = self._holdings.known(place)
        if reached is not None:
            opened.reach = self._holdings.reached(place, reached)
        elif notes.sampling.detailed or known is None or bad:
            self._walk(opened)
        else:
            opened.reach = known
        self._look_at_gradients(opened)
        opened.graphs_alive = self._retained.alive()
        if opened.walked is not None:
            self._retained.hold(loss)
        return opened

    def _walk(self, opened: OpenBackward) -> None:
        opened.walked = walked = self._walks.walk(opened.loss)
        self._probe.measure(walked)
        opened.again = self._retained.met(opened.loss, retain=opened.retain)
        opened.reach = self._holdings.reached(opened.place, walked.leaves)

    def _look_at_gradients(self, opened: OpenBackward) -> None:
        """Are the gradients empty that it will add to?"""
        held = [number for number, _ in opened.reach if number is not None]
        opened.kept = tuple(number for number in held if self._holdings.of(number).kept())
        if len(held) < len(opened.reach):
            self._holdings.of(None).kept()

    def ends(self, opened: OpenBackward, error: str) -> None:
        """It has ended, or raised an error."""
        notes = self._notes
        optimizers = tuple(sorted(number for number, _ in opened.reach if number is not None))
        loss, scaled = self._scaling.unscaled(opened.loss)
        raw = (
            Backward, opened.place, opened.retain, opened.create, notes.inside(), optimizers,
            opened.kept, scaled, error,
        )  # fmt: skip
        event = None
        if notes.full(raw) or opened.walked is not None:
            event = Backward(opened.at, opened.site, *raw[2:])
            self._measure(event, opened, loss)
        if not error:
            for number, _ in opened.reach:
                self._holdings.of(number).add(opened.place)
            self._by_hand.remember()
        if loss.numel() == 1:
            series = self._curves.of("backward", opened.place, "training")
            self._curves.add(loss, event, series)
        notes.spent = True
        notes.write(raw, event, at=opened.at)

    def _measure(self, event: Backward, opened: OpenBackward, loss: torch.Tensor) -> None:
        event.loss = describe(loss)
        event.again, event.graphs_alive = opened.again, opened.graphs_alive
        if opened.walked is not None:
            self._walks.write(event, opened.walked, opened.place)
