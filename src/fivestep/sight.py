"""What goes wrong in the moments of a training, in words: in the first iteration, and in any."""

from __future__ import annotations

from collections.abc import Iterator

from fivestep import check, explain
from fivestep.batches import TensorBatches
from fivestep.feeds import Feed
from fivestep.interrupt import Interrupt
from fivestep.loop import Moment, Step
from fivestep.plan import Plan


class Sight:
    """Takes the moments one by one, looks at the first ones and explains what fails.

    Args:
        plan: of the training.
        interrupt: where the end was asked for, a failure of the data's workers is none.
    """

    def __init__(self, plan: Plan, interrupt: Interrupt) -> None:
        self._plan, self._interrupt = plan, interrupt
        self._lone = check.LoneSample(plan.train, plan.model)

    def next(
        self, moments: Iterator[Moment], last: Moment | None, feed: Feed, epoch: int
    ) -> Moment | None:
        """Take the next moment; None where the batches end, or the end was asked for."""
        try:
            return next(moments, None)
        except Exception as error:
            if feed.fetching and self._interrupt.requested:  # Ctrl-C reaches the loader's workers
                return None
            if feed.fetching:
                error.add_note(f"while fetching batch {feed.count + 1} of epoch {epoch}")
                raise
            explained = explain.failure(error, last, feed.batch, self._plan.model)
            if explained is error:
                raise
            raise explained from error

    def look(self, moment: Moment) -> None:
        """Look at a moment of the first iteration.

        Raises:
            TypeError, ValueError: the prediction, the loss or the batch is wrong; what to do.
        """
        if moment.step is Step.FORWARD:
            self._lone.refuse()
            made = self._plan.train
            everything = made.targets if isinstance(made, TensorBatches) else None
            explain.look_at_prediction(
                moment.prediction, moment.targets, self._plan.loss_fn, everything
            )
        elif moment.step is Step.LOSS:
            explain.look_at_loss(moment.loss, self._plan.loss_fn)

    def close(self) -> None:
        """Look no more."""
        self._lone.remove()
