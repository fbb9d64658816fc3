"""The course of one training: what ``fit`` does around the five steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from torch.optim.lr_scheduler import ReduceLROnPlateau

from fivestep.assembly import Assembly
from fivestep.best import Best
from fivestep.convert import count_samples
from fivestep.durations import Every
from fivestep.feeds import Changed, Feed
from fivestep.finite import Guard, Numbers, trace_nonfinite
from fivestep.interrupt import Interrupt
from fivestep.intervals import Intervals
from fivestep.journal import Entry
from fivestep.live.filmed import Filmed
from fivestep.loop import Moment, Step, train
from fivestep.plan import Plan
from fivestep.progress import Progress
from fivestep.run import Reason
from fivestep.sight import Sight
from fivestep.span import Span
from fivestep.validation import Validation
from fivestep.watch import Watch

if TYPE_CHECKING:
    from fivestep.resuming import Saver


_ASKED = {"interrupted": "Ctrl-C", "terminated": "SIGTERM", "deadline": "the deadline came"}


class NonFiniteError(FloatingPointError):
    """The loss or a gradient is NaN or inf, and ``nonfinite="raise"`` was asked for."""


class Ending(NamedTuple):
    """Why a run ended, as a word and as a sentence."""

    reason: Reason
    message: str


class Course:
    """Goes through the epochs. One iteration is ``train``'s; all else here is counting."""

    def __init__(
        self,
        plan: Plan,
        best: Best,
        progress: Progress,
        interrupt: Interrupt,
        emit: Callable[[Entry], None],
        kit: Assembly,
        watch: Watch | None = None,
        saver: Saver | None = None,
        rewind: Callable[[int, Entry, str], None] | None = None,
    ) -> None:
        self._saver, self._rewind = saver, rewind
        self._unasked = False  # whether to save was not yet asked at this place
        self._feed: Feed | None = None  # of the epoch that goes on
        self._start: int | None = None  # where to go on in the epoch that was saved
        self._begun = 0, 0  # updates and whole epochs when it began
        self._pending = False  # an update was made, and what is due after it was not yet done
        self.plan, self.best, self.progress, self.interrupt = plan, best, progress, interrupt
        self._kit = kit
        self._emit, self._watch = emit, watch
        self._film: Filmed | None = None
        self._train = plan.train if watch is None else watch.batches(plan.train, "train")
        self._validation = Validation(plan, kit, watch, self._stop_validation)
        self.started = time.perf_counter()
        self.epoch = self.iteration = self.update = self.skipped = 0
        self._items = 0.0  # in the batch at hand
        self._numbers = Numbers(float("nan"), float("nan"))
        self._guard = Guard(plan.model, plan.optimizer)
        self._span, self._window = Span(), Span()
        self._most_iterations, self._whole_epochs, self._ended = plan.iterations or 0, 0, False
        self._intervals = Intervals(plan)
        self._sight = Sight(plan, interrupt)

    def run(self) -> Ending:
        """Train for all epochs, or until something ends it."""
        try:
            ending = self._go_through()
            while ending.reason == "nonfinite" and self._may_go_back:
                self._go_back(ending)
                ending = self._go_through()
            return self._last_words(ending)
        finally:
            self._sight.close()

    def _go_through(self) -> Ending:
        ending = self._catch_up()
        while ending is None and (self._start is not None or not self._over):
            ending = self._train_epoch() or self._close_epoch() or self._between_epochs()
        if ending is not None:
            return ending
        if not self._guard.all_weights_finite():  # no further iteration would tell
            return self._end_or_raise(
                "the last update left NaN or inf in the weights\n  do: lower the learning rate"
            )
        self._kit.settle()  # the last validation may have been some updates ago
        return Ending("finished", self._all_done())

    def _all_done(self) -> str:
        length = self.plan.length
        if self.plan.dry_run:
            return "a dry run of one update; model, optimizer and schedule are as they were before"
        return f"{length} is done" if length.amount == 1 else f"all {length} are done"

    @property
    def _over(self) -> bool:
        """Tell whether the training is as long as it was to be."""
        if self.plan.epochs is not None:
            return self._whole_epochs >= self.plan.epochs
        if self.plan.length.unit == "update":
            return self.update >= self.plan.length.amount
        return self.iteration >= self._most_iterations

    def show_in(self, film: Filmed) -> None:
        """Tell each iteration to what shows the training while it runs."""
        self._film = film
        self._train = Changed(self._train, lambda ahead: film.film.data(ahead))

    def _catch_up(self) -> Ending | None:
        """Do what was left undone where a saved training was told to stop."""
        if self.best.exhausted:
            return Ending("patience", self._out_of_patience())
        ending = self._do_due() if self._pending else None
        asks = ending is None and self._unasked and not self._over
        return self._boundary() if asks else ending

    @property
    def _may_go_back(self) -> bool:
        anchors = None if self._saver is None else self._saver.anchors
        return anchors is not None and anchors.times < anchors.back.most

    def _go_back(self, ending: Ending) -> None:
        """Put everything back as it was in the last good state, and go on at a lower rate."""
        assert self._saver is not None
        assert self._rewind is not None
        failed, began = self._base("back", self._numbers.loss), self.started
        self._feed = None
        self._intervals.release()
        entries = self._saver.go_back(self)
        self.started = began  # what was trained in vain took its time, too
        record = self._base("back", failed["loss"]) | {
            "gradient_norm": failed["gradient_norm"],
            "from_epoch": failed["epoch"],
            "from_iteration": failed["iteration"],
            "from_update": failed["update"],
            "from_rate": failed["learning_rate"],
        }
        self._rewind(entries, record, ending.message)

    def _last_words(self, ending: Ending) -> Ending:
        anchors = None if self._saver is None else self._saver.anchors
        if anchors is None or ending.reason != "nonfinite" or not anchors.times:
            return ending
        many = "once" if anchors.times == 1 else f"{anchors.times} times"
        return ending._replace(message=f"{ending.message}\n  it had gone back {many} before")

    def _begin_epoch(self) -> Feed:
        start, self._start = self._start, None
        if start is None:
            self.epoch += 1
            self._span, self._begun = Span(), (self.update, self._whole_epochs)
        if self._saver is not None:
            return self._saver.feed(self._train, self.epoch, start or 0)
        return Feed(self._train.epoch(self.epoch))

    def _between_epochs(self) -> Ending | None:
        self._feed = None
        return self._boundary(epoch_ended=True)

    def _boundary(self, *, epoch_ended: bool = False) -> Ending | None:
        """Save, if that is due: all that belongs to the last iteration is done."""
        self._unasked = False
        if self._saver is None:
            return None
        problem = self._saver.boundary(self, epoch_ended=epoch_ended)
        return None if problem is None else Ending("unsaved", problem)

    def _train_epoch(self) -> Ending | None:
        feed = self._feed = self._begin_epoch()
        updates, ending = self._begun[0], None
        while ending is None and not feed.exhausted and not self._over:
            ending = self._iterate(feed)
            if ending is None and not feed.exhausted:
                ending = self._boundary()
        whole = feed.exhausted or feed.count == self.plan.lengths.iterations_per_epoch
        self._ended = whole or self.plan.dry_run  # which is to show the end of an epoch, too
        self._whole_epochs += self._ended
        if ending is None:
            self._kit.flush()
            ending = self._after_move()
        if ending is None and feed.count == 0:
            raise ValueError(
                f"the data set is empty: epoch {self.epoch} gave no batch\n"
                "  do: check what makes the batches; it must start anew each time it is iterated"
            )
        if ending is None and self.update == updates:
            return self._no_update()
        return ending

    def _no_update(self) -> Ending | None:
        scaled = self._kit.scaled
        if scaled is not None and scaled.scale > 1 and self._span.samples:
            return None  # the scale is still being found: it falls until a gradient fits
        if self._all_skipped:
            return Ending("nonfinite", f"all updates of epoch {self.epoch} had to be skipped")
        raise ValueError(
            f"epoch {self.epoch} had nothing to learn from: no batch held an item that counts\n"
            "  do: check ignore_index or items=, and the targets"
        )

    @property
    def _all_skipped(self) -> int:
        """The updates that were not made: a loss or a gradient was not finite."""
        return self.skipped + (0 if self._kit.scaled is None else self._kit.scaled.skipped)

    def _iterate(self, feed: Feed) -> Ending | None:
        """Train until the batches end or something ends it; a skipped update ends it too."""
        self._guard.remember()
        kit = self._kit
        moments = train(kit.call, kit.loss_fn, kit.optimizer, feed)
        if self._film is not None:
            moments = self._film.film.moments(moments)
        if self._watch is not None:
            moments = self._watch(moments)
        moment = None
        while (moment := self._sight.next(moments, moment, feed, self.epoch)) is not None:
            if moment.step is Step.BACKWARD:
                self._numbers = self._guard.measure(moment.loss, scaled=kit.scaled is not None)
                if not self._numbers.finite:
                    return self._nonfinite(moment)
            elif moment.step is Step.UPDATE:
                ending = self._after_update(moment)
                if ending is not None or self._over:
                    return ending
                if (ending := self._boundary()) is not None:
                    return ending
            elif self.iteration == 0:
                self._sight.look(moment)
            if moment.step is Step.FORWARD and not self._counts(moment):
                return self._nothing_counts()
        return self._stop_here() if self.interrupt.requested else None

    def _counts(self, moment: Moment) -> bool:
        self._items = self._kit.items(moment.inputs, moment.targets)
        self._kit.expect(self._items)
        return self._items > 0

    def _nothing_counts(self) -> Ending | None:
        # The mean over no item is 0 / 0: there is no loss, no gradient and no update to be made.
        self._kit.pass_over()
        self.iteration += 1
        self._unasked = True
        return self._after_move()

    def _after_update(self, moment: Moment) -> Ending | None:
        if not self._guard.weights_finite():
            self._kit.update = self.update  # it is undone, and so never was
            return self._nonfinite(moment)
        self.iteration += 1
        self._unasked = True
        self._add(moment)
        self._kit.stepped()
        self.progress.tick(self.epoch, self.iteration, self._live)
        ending = self._after_move()
        self._guard.remember()  # last: a plateau schedule may just have set the rate
        return ending

    def _add(self, moment: Moment) -> None:
        samples = count_samples(moment.inputs, moment.targets)
        losses = {"loss": self._numbers.loss} | self._kit.loss_fn.read()
        weight = 1.0 if self._kit.items.sums else self._items
        summed = {name: loss * weight for name, loss in losses.items()}
        for span in (self._span, self._window):
            span.add(summed, self._items, samples)
        if self._film is not None:
            norm = self._kit.gradient_norm(self._numbers.gradient_norm)
            self._show(self._film, norm, samples)

    def _show(self, film: Filmed, norm: float, samples: int) -> None:
        rate = (self._kit.rates or self._current_rates())[0]
        film.iterated(self.iteration, self.epoch, self._numbers.loss, norm, rate, samples)

    def _after_move(self) -> Ending | None:
        """Do what is to be done once per update, if the weights were moved."""
        moved, self.update = self._kit.update > self.update, self._kit.update
        self._pending = moved
        if self.interrupt.requested:
            return self._stop_here()
        return self._do_due() if moved else None

    def _do_due(self) -> Ending | None:
        every, ending = self._intervals, None
        every.hold()
        log, validate = self._due(every.log), self._due(every.validate)
        if log or validate:
            ending = self._record("update", self._window, validate=validate)
        self._pending = False
        every.release()
        return ending

    def _due(self, every: Every | None, *, epoch_ended: bool = False) -> bool:
        return every is not None and every.due(
            iteration=self.iteration, update=self.update, epoch=self.epoch, epoch_ended=epoch_ended
        )

    def _close_epoch(self) -> Ending | None:
        self._intervals.hold()
        validate = self._due(self._intervals.validate, epoch_ended=self._ended)
        if self.plan.validate_every is None:
            validate = self.plan.validate is not None
        ending = self._record("epoch" if self._ended else "end", self._span, validate=validate)
        if self._ended and self._due(self._intervals.schedule, epoch_ended=True):
            self._step_schedule(None)
        self._intervals.release()
        return ending

    def _record(self, when: str, span: Span, *, validate: bool) -> Ending | None:
        record = self._base(when, span.mean) | span.terms
        record["samples_per_second"] = span.samples_per_second
        values = self._validate() if validate else {}
        if values is None and self._saver is not None:
            self._saver.save(self, wait=True)  # before the record that is only half a one
        record |= values or {}
        if when == "update":
            self._window = Span()
        self._emit(record)
        # What is saved later must have been judged: the stop can wait for the next iteration.
        stops = self.interrupt.requested and (values is None or self._saver is None)
        return self._interrupted() if stops else self._judge(record)

    def _validate(self) -> Entry | None:
        """Validate; None if the end was asked for meanwhile, which cut it short."""
        begun = time.perf_counter()
        values = self._validation.values()
        for span in (self._span, self._window):
            span.pause(time.perf_counter() - begun)
        return values

    def _stop_validation(self) -> bool:
        return self.interrupt.requested

    def _judge(self, record: Entry) -> Ending | None:
        monitor = self.plan.monitor
        if monitor is None or (monitor != "loss" and "validation_loss" not in record):
            return None
        if monitor not in record:
            known = [name for name in record if name == "loss" or name.startswith("validation_")]
            raise ValueError(f"monitor={monitor!r} was given\n  do: choose one of {known}")
        if monitor == "loss" and record["when"] == "update":
            return None
        self.best.see(record, self._kit.saved)
        self._step_schedule(record[monitor])
        if self.best.exhausted:
            return Ending("patience", self._out_of_patience())
        return None

    def _out_of_patience(self) -> str:
        where = f"epoch {self.best.record['epoch']}" if self.best.record else "the start"
        return (
            f"no better {self.plan.monitor} than {self.best.value} of {where} in "
            f"{self.best.misses} records; stopped at epoch {self.epoch}"
        )

    def _step_schedule(self, value: float | None) -> None:
        # A plateau schedule waits for the monitored value, every other for its epoch or update.
        schedule = self.plan.schedule
        if isinstance(schedule, ReduceLROnPlateau):
            if value is not None:
                schedule.step(value)
        elif schedule is not None and value is None:
            schedule.step()

    def _nonfinite(self, moment: Moment) -> Ending | None:
        loss, norm = self._numbers
        message = (
            f"iteration {self.iteration + 1} (epoch {self.epoch}) has loss {loss:g} and gradient "
            f"norm {norm:g}, so its update was not made; {trace_nonfinite(moment, self.plan.model)}"
        )
        self._guard.undo()
        if self._film is not None:
            rate = self._current_rates()[0]
            self._film.iterated(self.iteration + 1, self.epoch, loss, norm, rate, 0)
        self._emit(self._base("nonfinite", loss))
        self.iteration += 1
        self.skipped += 1
        return None if self.plan.nonfinite == "skip" else self._end_or_raise(message)

    def _end_or_raise(self, message: str) -> Ending:
        if self.plan.nonfinite == "raise":
            raise NonFiniteError(message)
        return Ending("nonfinite", message)

    def _stop_here(self) -> Ending:
        if self._saver is not None:
            self._saver.save(self, wait=True)
        if self._span.samples:  # the part of an epoch gets a record of its own
            self._emit(self._base("interrupted", self._span.mean))
        return self._interrupted()

    def _interrupted(self) -> Ending:
        reason = self.interrupt.reason
        return Ending(
            reason, f"{_ASKED[reason]} after iteration {self.iteration} (epoch {self.epoch})"
        )

    def state(self) -> dict[str, Any]:
        """Collect all that it counts, in plain values: what a checkpoint keeps of it."""
        now = time.perf_counter()
        between = self.between_epochs
        return {
            "epoch": self.epoch,
            "iteration": self.iteration,
            "update": self.update,
            "skipped": self.skipped,
            "position": self._start if self._feed is None else self._feed.count,
            "begun": [self.update, self._whole_epochs] if between else list(self._begun),
            "numbers": list(self._numbers),
            "span": self._span.state(now),
            "window": self._window.state(now),
            "intervals": self._intervals.state(),
            "pending": self._pending,
            "unasked": self._unasked,
            "seconds": now - self.started,
            "kit": self._kit.state(),
        }

    def go_on_from(self, state: dict[str, Any]) -> None:
        """Count on from what ``state`` collected."""
        now = time.perf_counter()
        self.epoch, self.iteration = state["epoch"], state["iteration"]
        self.update, self.skipped = state["update"], state["skipped"]
        self._start, self._begun = state["position"], tuple(state["begun"])
        self._whole_epochs = self._begun[1]
        self._numbers = Numbers(*state["numbers"])
        self._span.go_on_from(state["span"], now)
        self._window.go_on_from(state["window"], now)
        self._intervals.go_on_from(state["intervals"])
        self._pending, self.started = state["pending"], now - state["seconds"]
        self._unasked = state.get("unasked", False)
        self._kit.go_on_from(state["kit"])
        if self.iteration:
            self._sight.close()  # it looks at the first forward, which is over

    @property
    def between_epochs(self) -> bool:
        """Tell whether no epoch is begun."""
        return self._feed is None and self._start is None

    def _base(self, when: str, loss: float) -> Entry:
        rates = self._current_rates() if when == "back" else self._kit.rates
        rates = rates or self._current_rates()
        several = {"learning_rates": rates} if len(set(rates)) > 1 else {}
        skipped = {"skipped": self._all_skipped} if self._all_skipped else {}
        return {
            "when": when,
            "epoch": self.epoch,
            "iteration": self.iteration + (when == "nonfinite"),
            "update": self.update,
            "loss": loss,
            "gradient_norm": self._kit.gradient_norm(self._numbers.gradient_norm),
            "learning_rate": rates[0],
            "seconds": time.perf_counter() - self.started,
            **several,
            **skipped,
        }

    def _current_rates(self) -> list[float]:
        return self._kit.current_rates()

    def _live(self) -> dict[str, float]:
        shown = {"loss": self._span.mean, "learning_rate": self._current_rates()[0]}
        if self.best.value is not None:
            shown[f"best {self.plan.monitor}"] = self.best.value
        return shown | {"samples_per_second": self._span.samples_per_second}
