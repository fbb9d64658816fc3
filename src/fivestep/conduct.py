"""One planned training from its start to its ``Run``: journal, doctor, best weights, last words."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any, cast

from torch import nn

from fivestep.assembly import Assembly
from fivestep.best import Best
from fivestep.course import Course
from fivestep.finding import Report
from fivestep.interrupt import Interrupt
from fivestep.journal import FORMAT, Entry, Journal, versions
from fivestep.live.filmed import Filmed
from fivestep.live.start import start_viewer
from fivestep.plan import Plan
from fivestep.progress import Progress
from fivestep.report import as_json
from fivestep.resuming import Saver
from fivestep.run import Run, went_back
from fivestep.unwrapped import copy_of_state, load_clean_state
from fivestep.vitals.codec import beside
from fivestep.vitals.facts import Site
from fivestep.watch import Watch

# What is meant when one batch is learned by heart on purpose.
ON_PURPOSE = ("repeated-batch", "overfitting", "leaked-validation", "sorted-batches")


def conduct(
    plan: Plan,
    kit: Assembly,
    record: Any,
    site: Site | None,
    run: Run,
    interrupt: Interrupt,
    *,
    saver: Saver | None = None,
    page: bool | str = False,
) -> Run:
    """Train as planned and tell what happened.

    Args:
        plan: what to do.
        kit: what hangs on the objects meanwhile.
        record: where the journal goes, if one is kept.
        site: the line of the user's ``fit``.
        run: what is filled and returned; of a training in the background others hold it already.
        interrupt: asks for the end; others may hold it, too.
        saver: keeps checkpoints, and knows where to go on.
        page: show it in a page; ``"open"`` opens the browser.
    """
    with ExitStack() as stack:
        stack.enter_context(interrupt)
        shown = Progress(shown=plan.progress, epochs=plan.epochs, iterations=plan.iterations)
        stack.enter_context(shown)
        return _go(plan, kit, record, site, shown, run, interrupt, saver, page)


def _go(
    plan: Plan,
    kit: Assembly,
    record: Any,
    site: Site | None,
    shown: Progress,
    run: Run,
    interrupt: Interrupt,
    saver: Saver | None,
    page: bool | str,
) -> Run:
    run.seed, run.setup = plan.seed, plan.setup() | {"versions": versions()}
    journal: Journal | None = None

    def emit(record: Entry) -> None:
        _keep_terms(run, kit, journal)
        run.history.append(record)
        if journal is not None:
            journal.write("record", record)
        shown.show(record)

    def rewind(entries: int, record: Entry, why: str) -> None:
        assert saver is not None
        told = [one for one in run.history[entries:] if one["when"] == "back"]
        run.history[entries:] = [*told, record]  # that it was gone back before stays written
        saver.went_back(course)
        if journal is not None:
            journal.keep(entries)
            for one in run.history[entries:]:
                journal.write("record", one)
        if isinstance(journal, Filmed):
            journal.begin_again({"setup": run.setup, "seed": run.seed}, run.history)
        shown.say(f"{went_back(record)}: {why.splitlines()[0]}")

    best = Best(plan)
    watch = Watch(plan.model, plan.loss_fn, kit.optimizer, site=site) if plan.watch else None
    if watch is not None and plan.validate is None:
        watch.never_evaluates()
    course = Course(plan, best, shown, interrupt, emit, kit, watch, saver, rewind)
    if saver is not None:
        saver.arrange(plan, kit, best, run, say=shown.say, warn=shown.tell)
        if saver.resumes:
            saver.restore(course)
    journal = _journal(record, run, saver, course, shown=bool(page))
    if isinstance(journal, Filmed):
        journal.attend(watch)
        course.show_in(journal)
        if page:
            shown.tell(start_viewer(journal.path, browser=page == "open"))
    try:
        run.reason, run.message = course.run()
        if saver is not None and run.reason in ("finished", "patience"):
            saver.save(course, wait=True)
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        run.reason = "interrupted" if interrupted else "failed"
        run.message = f"{type(error).__name__}: {error}".strip(": ")
        if journal is not None and run.reason == "failed" and course.iteration == 0:
            journal.discard()  # nothing was trained: leave the name free for the next try
            run.path = journal = None
        raise
    finally:
        _keep_terms(run, kit, journal)
        run.seconds = time.perf_counter() - course.started
        if saver is not None:
            saver.close()
        run.best, run.best_weights = best.record, best.weights
        if kit.average is not None and kit.average.updates:
            run.average_weights = copy_of_state(kit.average.module)
        _end(run, plan, journal, shown, watch)
    return run


def _keep_terms(run: Run, kit: Assembly, journal: Journal | None) -> None:
    """Write down what the loss answered with, once, as soon as there is anything to write."""
    names = kit.loss_fn.names
    if names is not None and "terms" not in run.setup["loop"]:
        run.setup["loop"]["terms"] = names
        if journal is not None:
            journal.write("terms", {"names": names})


def _journal(
    record: Any, run: Run, saver: Saver | None, course: Course, *, shown: bool
) -> Journal | None:
    """Open the record, its head and all that is history already written."""
    filmed = shown or (saver is not None and saver.filmed)  # a film that was begun goes on
    kind, journal, whole = Filmed if filmed else Journal, None, False
    record = "runs" if shown and record is None else record  # what is shown has been written first
    if record is not None and saver is not None and saver.resumes and saver.journal is not None:
        journal, whole = kind.continued(record, saver.journal)
    elif record is not None:
        journal = kind(record, again=saver is not None)
    run.path = None if journal is None else journal.path
    if saver is not None:
        saver.note(journal)
        if not saver.resumes:
            saver.begin(course)  # before the first line: it knows that this file is its own
    if journal is not None and not whole:
        journal.write("start", {"format": FORMAT, "seed": run.seed, "setup": run.setup})
        for entry in run.history:
            journal.write("record", entry)
    elif isinstance(journal, Filmed) and journal.anew:
        journal.retell({"setup": run.setup, "seed": run.seed}, run.history)
    return journal


def _end(
    run: Run, plan: Plan, journal: Journal | None, shown: Progress, watch: Watch | None
) -> None:
    if plan.restore_best and run.best_weights is not None:
        load_clean_state(cast("nn.Module", plan.model), run.best_weights)
        if watch is not None:
            watch.restored(run.best_weights)
    if watch is not None and run.reason != "failed":
        run.report = _report(watch, shown, plan)
    shown.say(run.summary())
    if run.report is not None:
        shown.report(run.report)
    if watch is not None:
        watch.close()
    if journal is not None and plan.dry_run:
        _close(run, journal, shown, None)
        journal.discard()
        run.path = None
    elif journal is not None:
        _close(run, journal, shown, watch)


def _report(watch: Watch, shown: Progress, plan: Plan) -> Report | None:
    try:
        return watch.report(ignore=ON_PURPOSE if plan.overfit_one_batch else ())
    except Exception as error:  # what the doctor does wrong must not cost the training
        shown.say(f"fivestep's doctor failed: {type(error).__name__}: {error}")
        return None


def _close(run: Run, journal: Journal, shown: Progress, watch: Watch | None) -> None:
    end = {"reason": run.reason, "message": run.message, "best": run.best, "seconds": run.seconds}
    if run.report is not None:
        end["report"] = as_json(run.report)
    journal.write("end", end)
    journal.close()
    if watch is not None and run.report is not None:
        try:
            watch.record.save(beside(journal.path))
        except OSError as error:
            shown.say(f"the vitals of {journal.path} could not be written: {error}")
    if journal.failure is not None:
        shown.say(f"the record {journal.path} is incomplete: {journal.failure}")
