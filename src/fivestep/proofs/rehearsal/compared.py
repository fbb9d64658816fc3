"""A training that was gone on with beside the one that never stopped: where they part first."""

from __future__ import annotations

import math
from typing import NamedTuple

from fivestep.proofs.bench.compare import Difference, differ
from fivestep.proofs.rehearsal.leaves import Leaf
from fivestep.proofs.rehearsal.perform import Outcome, tensors_at
from fivestep.proofs.rehearsal.places import Point


class Parting(NamedTuple):
    """The first point at which the states differ, by how much there, and by how much at the end."""

    point: Point
    first: Difference
    last: Difference


def parting(folder: str, first: tuple[str, Outcome], second: tuple[str, Outcome]) -> Parting | None:
    """Compare all points that both have; None if they are the same bits."""
    ahead = {point.key: state for point, state in first[1].points}
    found: list[Point] = []
    for point, state in second[1].points:
        if point.key in ahead and state != ahead[point.key]:
            found.append(point)
    if not found:
        return None
    names = first[0], second[0]
    states = ahead, {point.key: state for point, state in second[1].points}
    one, last = (_difference(folder, names, states, point) for point in (found[0], found[-1]))
    return Parting(found[0], one, last)


def _difference(
    folder: str, names: tuple[str, str], states: tuple[dict[str, dict[str, str]], ...], point: Point
) -> Difference:
    sides = [state[point.key] for state in states]
    apart = [name for name in {**sides[0], **sides[1]} if sides[0].get(name) != sides[1].get(name)]
    kept = [tensors_at(folder, name, point) for name in names]
    for name in apart:
        if all(name in held for held in kept):
            found = differ({name: kept[0][name]}, {name: kept[1][name]})
            return found._replace(equal=False)
    pair = [side.get(apart[0], "nothing") for side in sides]
    return Difference(math.inf, 0.0, apart[0], False, f"{pair[0]:.30} became {pair[1]:.30}")


def apart(saved: dict[str, Leaf], here: dict[str, Leaf]) -> list[str]:
    """The paths of what is not the same after the load as it was when it was saved."""
    return [
        key for key, leaf in saved.items() if key not in here or here[key].digest != leaf.digest
    ]
