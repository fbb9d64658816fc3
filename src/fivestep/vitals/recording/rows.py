"""What became of the samples of an iteration: trained on, evaluated, or only looked at."""

from __future__ import annotations

from fivestep.vitals.events import Batch, Compare, Forward, Loss, Pick
from fivestep.vitals.recording.loading import Loading
from fivestep.vitals.recording.notes import Notes
from fivestep.vitals.samples import Samples


def close_rows(samples: Samples, notes: Notes, loading: Loading) -> None:
    """Tell ``samples`` what the iteration that ends now did with the rows that it was given."""
    sampling, trains = notes.sampling, notes.spent
    through = {
        at: bool(event.backward)
        for at, event, _ in notes.written
        if isinstance(event, Forward) and (sampling.detailed or event.backward is not None)
    }
    batch = next((raw[2] for raw in notes.happened() if raw[0] is Batch), None)
    epoch = (batch, loading.epochs[batch][0]) if batch is not None else None
    number = max(sampling.trained + trains, 1)
    samples.close(number, trains, through, _last_judged(notes), _last_picked(notes), epoch)


def _last_judged(notes: Notes) -> int:
    """Where a loss or metric was last taken without gradients; 0 if one with them came after."""
    last = 0
    for raw, (at, _, _) in zip(notes.happened(), notes.written, strict=True):
        if raw[0] is Loss:
            last = at if raw[3] != "on" else 0
        elif raw[0] is Compare:
            last = at
    return last


def _last_picked(notes: Notes) -> int:
    """Where argmax was last taken."""
    pairs = zip(notes.happened(), notes.written, strict=True)
    return max((at for raw, (at, _, _) in pairs if raw[0] is Pick), default=0)
