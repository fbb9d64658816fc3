"""What a person sees while it trains: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fivestep.finding import Report
from fivestep.paper import Console
from fivestep.report import print_report

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

REFRESH_SECONDS = 0.25  # a refresh costs rich 2 to 3 ms, so four a second stay near one percent
HEARTBEAT_SECONDS = 30.0  # without a terminal: a sign of life within a long epoch
BAR_AND_TIME = 20  # columns: a bar of at least 5, the percentage, h:mm:ss and the gaps between
MOST_LINES = 20  # of epochs, in a log or a notebook; the record keeps them all

Numbers = Callable[[], dict[str, float]]


class Progress:
    """Shows a run as it goes, on standard error (in a notebook on standard output).

    Nothing is asked of the training but when something is due to be shown, so that no loss is read
    from a device on its account.
    """

    def __init__(
        self, *, shown: bool, epochs: int | None, iterations: int | None, title: str | None = None
    ) -> None:
        self._epochs, self._iterations, self._title = epochs, iterations, title
        self._of = "" if epochs is None else f"/{epochs}"
        notebook = "ipykernel" in sys.modules
        self._stream: Any = (sys.stdout if notebook else sys.stderr) if shown else None
        live = not notebook and _is_terminal(self._stream)
        self._bar: Bar | None = _bar(self._stream) if live else None
        self._pause = REFRESH_SECONDS if live else HEARTBEAT_SECONDS
        self._due = time.perf_counter() + self._pause if self._stream is not None else math.inf
        self._task: Any = None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._task = self._bar.add_task(self._where(1), total=self._iterations, numbers="")
            self._try(self._bar.start)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._try(self._bar.stop)

    def tick(self, epoch: int, iteration: int, numbers: Numbers) -> None:
        """Say that an iteration is done; ``numbers`` is called only if something is to be shown."""
        if time.perf_counter() < self._due:
            return
        self._due = time.perf_counter() + self._pause
        where, shown = self._where(epoch), _format(numbers())
        if self._bar is None:
            self._write(f"{where}  iteration {iteration}  {shown}")
        else:
            shown = _fitting(shown, self._bar.console.width - len(where) - BAR_AND_TIME)
            self._bar.update(self._task, description=where, completed=iteration, numbers=shown)
            self._try(self._bar.refresh)

    def show(self, record: dict[str, Any]) -> None:
        """Write the line of a record; of many epochs only some, the record keeps them all."""
        epoch, width = record["epoch"], len(self._of) - 1
        where = f"epoch {epoch:>{max(width, 0)}}{self._of}"
        if record["when"] != "epoch":
            where += f"  update {record['update']}"
        elif not self._shows(epoch):
            return
        self._write(f"{where}  {_format(_values(record))}")

    def _shows(self, epoch: int) -> bool:
        if self._epochs is None:  # each of the first, then every tenth, every hundredth
            return epoch % 10 ** max(len(str(epoch)) - 2, 0) == 0
        return epoch in (1, self._epochs) or epoch % math.ceil(self._epochs / MOST_LINES) == 0

    def say(self, text: str) -> None:
        """Write a line."""
        self._write(text)

    def tell(self, text: str) -> None:
        """Write a line that was asked for, even to somebody who wants no progress."""
        if self._stream is not None:
            self._write(text)
        else:
            stream = sys.stdout if "ipykernel" in sys.modules else sys.stderr
            self._try(lambda: print(text, file=stream, flush=True))

    def report(self, report: Report) -> None:
        """Print what the doctor found. A fault is said even to somebody who wants no progress."""
        if self._bar is not None:
            self._try(self._bar.stop)  # it would be drawn into the report
        if self._stream is not None or report.findings:
            stream = self._stream or sys.stderr
            self._try(lambda: print_report(report, file=stream))

    def _where(self, epoch: int) -> str:
        return self._title or f"epoch {epoch}{self._of}"

    def _write(self, line: str) -> None:
        if self._bar is not None:
            console = self._bar.console
            self._try(lambda: console.print(line, markup=False, highlight=False, soft_wrap=True))
        elif self._stream is not None:
            self._try(lambda: print(line, file=self._stream, flush=True))

    def _try(self, show: Callable[[], Any]) -> None:
        try:
            show()
        except (OSError, ValueError):  # nobody reads any more: that is no reason to stop training
            self._stream, self._bar, self._due = None, None, math.inf


def _is_terminal(stream: Any) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # a closed stream
        return False


def _fitting(numbers: str, room: int) -> str:
    # Whole numbers are left out from the end: a number cut in half is a wrong one.
    while len(numbers) > max(room, 0):
        numbers = numbers.rpartition("  ")[0]
    return numbers


def _bar(stream: Any) -> Bar:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=8),
        TaskProgressColumn(),
        TimeLeft(compact=True),
        TextColumn("{task.fields[numbers]}"),
        console=Console(file=stream),
        auto_refresh=False,  # a thread of its own would take turns with the training
        transient=True,
    )


def _values(record: dict[str, Any]) -> dict[str, Any]:
    validation = [name for name in record if name.startswith("validation_")]
    names = ["loss", *validation, "learning_rate", "samples_per_second"]
    return {name: record[name] for name in names if name in record}


def _format(numbers: dict[str, Any]) -> str:
    return "  ".join(_say(name, value) for name, value in numbers.items())


def _say(name: str, value: Any) -> str:
    # Short enough that a line with one metric fits into 100 columns.
    if name == "samples_per_second":
        return f"{value:,.0f} samples/s" if value >= 10 else f"{value:.2g} samples/s"
    if name == "learning_rate":
        return f"rate {value:.3g}"
    if name != "validation_loss":  # only the loss is computed in training, too
        name = name.removeprefix("validation_")
    return f"{name.replace('_', ' ')} {_short(value)}"


def _short(value: Any) -> str:
    if isinstance(value, float) and 0.001 <= abs(value) < 1000:
        return f"{value:.4f}"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"
