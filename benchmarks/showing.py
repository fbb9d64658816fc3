"""What it costs to be watched while nothing is paused: watched and unwatched blocks in one process.

    python benchmarks/showing.py                      both ways, the line and the language model
    python benchmarks/showing.py --works lm --pairs 40

*fit* is ``fit(page=True)``: the film is switched on and off between blocks of one training; the
doctor reads along in both. *step* is ``fivestep step`` running free, a page connected: the same
loop, with the stage and its doctor and without. Of each two neighbouring blocks one is watched,
drawn by lot, so that what else the machine does meets both alike. The difference of a pair is in
CPU time of the whole process, threads included; the viewer is another process and not counted.
Given are the median of the differences and its 95 % interval (order statistics), in percent of an
unwatched block; the sum over all blocks, for what is rare; and the same for unwatched blocks alone:
the noise.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from itertools import pairwise
from multiprocessing.connection import Client
from statistics import median
from typing import Any

import torch

from fivestep import conduct, fit
from fivestep.course import Course
from fivestep.page.contact import Contact
from fivestep.page.link import Link
from fivestep.page.perform import Attendant
from fivestep.page.stage import Stage
from works import WORKS, Job, Work

BLOCKS = {"line": 2000, "digits": 400, "lm": 8}  # iterations in one
WARM_UP = {"line": 4000, "digits": 1200, "lm": 48}  # iterations: the first 32 are measured each
KEY = "00" * 32
READER = """\
import sys
from multiprocessing.connection import Listener
with Listener(None, authkey=bytes.fromhex(sys.argv[1])) as listener:
    print(listener.address, flush=True)
    with listener.accept() as connection:
        try:
            while True:
                connection.recv_bytes()
        except EOFError:
            pass
"""


class Meter:
    """CPU seconds of blocks, the watched and the unwatched of each pair in an order drawn by lot.

    Args:
        pairs: how many.
        skipped: blocks at first that are not counted.
    """

    def __init__(self, pairs: int, skipped: int) -> None:
        drawn = random.Random(0)
        ahead = [drawn.sample([True, False], 2) for _ in range(pairs)]
        self.plan = [True] * skipped + [one for pair in ahead for one in pair]
        self._skipped = skipped
        self._seconds: list[float] = []
        self._on: bool | None = None

    def turn(self, settle: Callable[[], Any], switch: Callable[[bool], None]) -> None:
        """End a block, what it has put into queues included; switch to the next, and begin it."""
        if self._on:
            settle()
        if self._on is not None:
            self._seconds.append(time.process_time() - self._began)
        settle()
        done = len(self._seconds)
        self._on = self.plan[done] if done < len(self.plan) else False
        switch(self._on)
        self._began = time.process_time()

    def row(self) -> str:
        """The cells of a table."""
        counted = list(zip(self.plan, self._seconds, strict=False))[self._skipped :]
        pairs = [dict(counted[i : i + 2]) for i in range(0, len(counted) - 1, 2)]
        bare = [one[False] for one in pairs]
        more = [one[True] - one[False] for one in pairs]
        noise = [(a - b) * (-1) ** i for i, (a, b) in enumerate(pairwise(bare))]
        whole, of = sum(more) / sum(bare), median(bare)
        return f"{said(more, of)} | {100 * whole:+.2f} % | {said(noise, of)} | {len(pairs)}"


def said(differences: Sequence[float], of: float) -> str:
    """Median and its 95 % interval, in percent."""
    ordered, count = sorted(differences), len(differences)
    far = max(0, math.floor(count / 2 - 0.98 * math.sqrt(count)))
    low, middle, high = (
        100 * one / of for one in (ordered[far], median(ordered), ordered[count - 1 - far])
    )
    return f"{middle:+.2f} % [{low:+.2f}, {high:+.2f}]"


def in_fit(work: Work, meter: Meter, length: int) -> None:
    """One training whose film is switched on and off: an epoch is a block."""
    shows: Any = Course.show_in
    begins: Any = Course._begin_epoch  # pyright: ignore[reportPrivateUsage]

    def show_in(course: Any, film: Any) -> None:
        bare = course._train
        shows(course, film)
        course.ways = {True: (film, course._train), False: (None, bare)}
        course.settle = film.film.place

    def begin_epoch(course: Any) -> Any:
        def switch(on: bool) -> None:
            course._film, course._train = course.ways[on]

        meter.turn(course.settle, switch)
        return begins(course)

    job = work.job(length)
    with contextlib.ExitStack() as stack:
        stack.callback(setattr, Course, "show_in", shows)
        stack.callback(setattr, Course, "_begin_epoch", begins)
        Course.show_in, Course._begin_epoch = show_in, begin_epoch  # pyright: ignore
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        fit(
            job.model, job.loss_fn, job.optimizer, job.batches, epochs=len(meter.plan) + 1,
            progress=False, record=folder, page=True, keep_best=False,
        )  # fmt: skip


def in_step(work: Work, meter: Meter, length: int) -> None:
    """A loop by hand, on the stage and off it."""
    job = work.job(length)
    with connected() as link:
        hears, ended, away = False, time.perf_counter(), 0.0

        def clock() -> float:  # of which it may use a share: it stands still while nobody watches
            return (time.perf_counter() if hears else ended) - away

        post = link._post  # pyright: ignore[reportPrivateUsage]
        doctor = Attendant(Stage(post, link.control, clock=clock))

        def switch(on: bool) -> None:
            nonlocal hears, ended, away
            if on and not hears:
                away += time.perf_counter() - ended
                hears = True
                doctor.start()
            elif hears and not on:
                doctor.stop()
                hears, ended = False, time.perf_counter()

        for _ in range(len(meter.plan) + 1):
            meter.turn(lambda: sent(link), switch)
            go(job)
        switch(False)


def go(job: Job) -> None:
    """The five steps, by hand."""
    for inputs, targets in job.batches:
        prediction = job.model(inputs)
        loss = job.loss_fn(prediction, targets)
        job.optimizer.zero_grad()
        loss.backward()
        job.optimizer.step()


@contextlib.contextmanager
def connected() -> Generator[Link]:
    """The script's end of a link to a process that reads, as the one does that serves the page."""
    command = [sys.executable, "-c", READER, KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        connection = Client(reader.stdout.readline().strip(), authkey=bytes.fromhex(KEY))
        link = Link(connection, Contact([], "run", before=0, seed=0))
        link.control.play()
        link._sender.start()  # pyright: ignore[reportPrivateUsage]
        try:
            yield link
        finally:
            link.close()
            link._connection.close()  # pyright: ignore[reportPrivateUsage]


def sent(link: Link) -> None:
    while link._sent < link._ring.last:  # pyright: ignore[reportPrivateUsage]
        time.sleep(0.001)


def none(journal: Any, *, browser: bool = False) -> str:
    return ""


WAYS = {"fit": in_fit, "step": in_step}


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    torch.set_num_threads(1)
    conduct.start_viewer = none
    print("| work | watched | more, median | all together | unwatched again (noise) | pairs |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in given.works:
        for way in given.ways:
            warm_up = WARM_UP[name] if given.warm_up is None else given.warm_up
            meter = Meter(given.pairs, math.ceil(warm_up / BLOCKS[name]))
            WAYS[way](WORKS[name], meter, BLOCKS[name])
            print(f"| {name} | {way} | {meter.row()} |", flush=True)
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    made.add_argument("--works", nargs="+", choices=sorted(BLOCKS), default=["line", "lm"])
    made.add_argument("--ways", nargs="+", choices=sorted(WAYS), default=sorted(WAYS))
    made.add_argument("--pairs", type=int, default=30)
    made.add_argument("--warm-up", type=int, help="iterations before, watched and not counted")
    return made


if __name__ == "__main__":
    sys.exit(main())
