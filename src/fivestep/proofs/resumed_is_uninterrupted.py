"""A training that was stopped and gone on with ends as one that never stopped, to the bit.

A rehearsal: the set-up is run in a fresh process and trained by ``fit(checkpoint=...)`` without a
stop, saved in the middle of an epoch, within a window of accumulation and between two epochs. From
each save another fresh process goes on, under another hash seed and on another day, and weights,
buffers and the optimizer's state have to be the same bits after every iteration. Where they are
not, what was forgotten is found by putting it back; see ``rehearsal/causes.py``.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from fivestep.proofs.bench.compare import Difference, bitwise, name_of
from fivestep.proofs.bench.verdict import Measure, Shown, Verdict, judged, not_proved
from fivestep.proofs.bench.workbench import Workbench
from fivestep.proofs.rehearsal.causes import Causes, Search
from fivestep.proofs.rehearsal.compared import Parting, parting
from fivestep.proofs.rehearsal.perform import WINDOW, Job, Outcome
from fivestep.proofs.rehearsal.places import Point
from fivestep.proofs.rehearsal.stages import ENDED, Fresh, Stage
from fivestep.proofs.rehearsal.told import told

CLAIM = "a training stopped anywhere and started again ends as one never stopped, to the bit"
HASH_SEEDS = 1, 2


def show(bench: Workbench) -> Shown:
    """Rehearse it in fresh processes."""
    if bench.setup is None:
        return not_proved(
            "a fresh process has to build the model and the data anew, and no file says how",
            "fivestep prove train_setup.py, or prove(..., setup='train_setup.py')",
        )
    with TemporaryDirectory(prefix="fivestep-") as folder:
        same, other = (Fresh(bench.setup, seed, folder) for seed in HASH_SEEDS)
        try:
            return rehearsed(same, other, folder, bench.seed, name_of(bench.dtype))
        finally:
            same.close()
            other.close()


def rehearsed(same: Stage, other: Stage, folder: str, seed: int, dtype: str) -> Shown:
    """Train without a stop, go on from each save, compare.

    Args:
        same: rehearses under the hash seed of the training without a stop.
        other: rehearses under another one.
        folder: for what is saved meanwhile.
        seed: of ``fit``.
        dtype: of the model, for the page.
    """
    whole = same(Job(folder, "whole", seed))
    if whole.error:
        return not_proved(f"the training to rehearse failed: {whole.error}", "mend that first")
    measures: list[Measure] = []
    failed: list[tuple[int, Parting | None, Outcome]] = []
    for place in range(1, len(whole.places)):
        job = Job(folder, f"resumed.{place}", seed, "whole", place, "another day")
        outcome = other(job)
        found = parting(folder, ("whole", whole), (job.name, outcome))
        measures.append(_measure(whole.places[place], outcome, found, dtype))
        if not measures[-1].holds:
            failed.append((place, found, outcome))
    shown = judged(*measures, notes=_silent(whole))
    if shown.verdict is Verdict.HOLDS:
        return shown
    place, found, outcome = failed[0]
    if outcome.error.startswith(ENDED):
        return not_proved(f"the rehearsal of a stop did not come to its end: {outcome.error}", "")
    causes = Search(same, other, folder, seed, place).causes(whole)
    if outcome.error and not causes.explained:
        return _broken(shown, outcome.error)
    return _explained(shown, causes, whole, place, found)


def _measure(place: Point, outcome: Outcome, found: Parting | None, dtype: str) -> Measure:
    what = f"stopped {_where(place)}, gone on in a fresh process"
    if outcome.error or not outcome.points:
        missing = Difference(float("inf"), 0.0, "", False, outcome.error or "it trained nothing")
        return bitwise(what, missing, dtype)
    if found is None:
        return bitwise(what, Difference(0.0, 0.0, "", True), dtype)
    return bitwise(f"{what}, after update {found.point.update}", found.first, dtype)


def _where(place: Point) -> str:
    if place.ended:
        return "between two epochs"
    inside = f"after iteration {place.iteration}"
    windows = place.update < place.iteration  # LBFGS has none
    return f"{inside}, within a window" if windows and place.iteration % WINDOW else inside


def _silent(whole: Outcome) -> tuple[str, ...]:
    """Tell of the buffers that only a checkpoint of ours keeps."""
    start = {leaf.title: leaf.digest for leaf in whole.walks[0].values()}
    end = {leaf.title: leaf.digest for leaf in whole.walks[-1].values()}
    moved = [name for name in whole.silent if end.get(name) != start.get(name)]
    if not moved:
        return ()
    return (
        f"{', '.join(moved[:3])}: changed in training, and left out of state_dict() "
        "(persistent=False); a checkpoint of fivestep saves it, a saved state_dict() forgets it",
    )


def _broken(shown: Shown, error: str) -> Shown:
    return Shown(
        verdict=Verdict.FAILS, measures=shown.measures,
        cause=f"the training does not go on from what was saved: {error:.600}",
        do="make in __init__ all that the model consists of, so that a fresh one has it, too",
    )  # fmt: skip


def _explained(
    shown: Shown, causes: Causes, whole: Outcome, place: int, found: Parting | None
) -> Shown:
    cause, do = told(causes, whole, place)
    notes = shown.notes if found is None else (_end(found.last), *shown.notes)
    return Shown(verdict=Verdict.FAILS, measures=shown.measures, cause=cause, do=do, notes=notes)


def _end(last: Difference) -> str:
    size = f"{last.absolute:.1e} ({last.relative:.1e})" if last.absolute < float("inf") else "all"
    return f"at the end of the rehearsal it is off by {size} at {last.where}"


def setup_of(path: str | os.PathLike[str] | None) -> str | None:
    """Find the file of a set-up; None stays None.

    Raises:
        FileNotFoundError: there is none.
    """
    if path is None:
        return None
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"setup={os.fspath(path)!r} was given, and is no file\n"
            "  do: name the Python file that defines model, loss_fn, optimizer and data"
        )
    return os.fspath(path)
