"""A run: what was recorded of one training, kept in memory and on disk, read back, plotted."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fivestep.finding import Finding, Report
from fivestep.interrupt import RESUME_ME
from fivestep.journal import FORMAT, Entry, read_lines
from fivestep.live.places import PAGE
from fivestep.report import from_json
from fivestep.version import __version__
from fivestep.vitals.codec import VITALS

Reason = Literal[
    "finished", "patience", "nonfinite", "interrupted", "terminated", "deadline", "unsaved",
    "failed", "unfinished",
]  # fmt: skip


@dataclass
class Run:
    """What a training left behind, besides the trained model.

    Attributes:
        history: one plain dict per epoch (``"when": "epoch"``) and, if asked for, per so many
            updates (``"when": "update"``): epoch, iteration, update, loss (mean per sample since
            the record before of its kind), gradient_norm (of the last iteration), learning_rate,
            seconds (since the start), samples_per_second, and, where there was a validation,
            validation_loss and a validation_ value for each metric. After Ctrl-C the last epoch may
            be missing, and so may its validation: look at the reason first.
        reason: why it ended: ``"finished"``, ``"patience"``, ``"nonfinite"``, ``"interrupted"``
            (Ctrl-C), ``"terminated"`` (SIGTERM), ``"deadline"`` (``max_minutes``), ``"unsaved"``
            (no checkpoint could be written, and that was to stop it), ``"failed"`` (an exception),
            ``"unfinished"`` (read from a file without an end).
        message: the same as a sentence, with the numbers.
        best: the record with the best monitored value, None where there was nothing to compare.
        best_weights: a copy of the model's state at that record, in memory only; of the averaged
            one, if weights were averaged.
        average_weights: the averaged state at the end, in memory only; None without ``average``.
        seconds: the wall-clock time of the whole run.
        seed: what it was started with.
        setup: the options, the classes and the versions that it ran with.
        path: the file it was written to, if any.
        report: what the doctor found; None if it did not watch, or another one listened.
    """

    history: list[Entry] = field(default_factory=list[Entry])
    reason: Reason = "unfinished"
    message: str = "the record has no end: the process was stopped, or is still running"
    best: Entry | None = None
    best_weights: dict[str, Any] | None = field(default=None, repr=False)
    average_weights: dict[str, Any] | None = field(default=None, repr=False)
    seconds: float = 0.0
    seed: int | None = None
    setup: Entry = field(default_factory=dict[str, Any])
    path: Path | None = None
    report: Report | None = None

    @property
    def exit_code(self) -> int:
        """What a script may end with: 0; 75 if it wants to be started again; 1 if it failed."""
        if self.reason in ("interrupted", "terminated", "deadline"):
            return RESUME_ME
        return int(self.reason in ("nonfinite", "unsaved", "failed", "unfinished"))

    @property
    def findings(self) -> list[Finding]:
        """The faults that the doctor found, the gravest causes only; see ``report``."""
        return [] if self.report is None else self.report.findings

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the best record, counted from 1."""
        return None if self.best is None else self.best["epoch"]

    @property
    def epochs(self) -> list[Entry]:
        """The records made at the ends of epochs."""
        return [record for record in self.history if record["when"] == "epoch"]

    @property
    def returns(self) -> list[Entry]:
        """The records of going back (``nonfinite="back"``), each at the place gone back to.

        ``loss`` and ``gradient_norm`` are those that were not finite, ``learning_rate`` is the new
        one; ``from_epoch``, ``from_iteration``, ``from_update``, ``from_rate`` tell where it was.
        """
        return [record for record in self.history if record["when"] == "back"]

    def wait(self) -> Run:
        """Return it when it is over: at once, unless ``fit`` was told ``background=True``."""
        return self

    def stop(self) -> None:
        """End a training that runs in the background, after its iteration."""

    def summary(self) -> str:
        """Say in a line or two how it ended, what was best and where the record is."""
        made = self.history[-1]["iteration"] if self.history else 0
        text = f"{self.reason} after {made:,} iterations in {self.seconds:.1f} s: {self.message}"
        if self.best is not None:
            values = [name for name in self.best if name.startswith("validation_")] or ["loss"]
            shown = ", ".join(f"{name.replace('_', ' ')} {self.best[name]:.4g}" for name in values)
            text += f"\nbest at epoch {self.best['epoch']}: {shown}"
        text += "".join(f"\n{went_back(record)}" for record in self.returns)
        return text if self.path is None else f"{text}\nrecord: {self.path}"

    def to_pandas(self) -> Any:
        """Return the history as a ``pandas.DataFrame``, one row per record."""
        try:
            import pandas
        except ImportError as error:
            raise _missing("to_pandas", "pandas") from error
        return pandas.DataFrame(self.history)

    def plot(self) -> Any:
        """Draw the losses over the iterations, metrics below; return the matplotlib axes."""
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise _missing("plot", "matplotlib", extra="plot") from error
        losses, metrics = _curves(self.history)
        figure, axes = pyplot.subplots(1 + bool(metrics), 1, sharex=True, squeeze=False)
        for axis, curves in zip(axes[:, 0], (losses, metrics), strict=False):
            for name, (at, values) in curves.items():
                axis.plot(at, values, marker=".", label=name.replace("_", " "))
            if curves:
                axis.legend()
        axes[0, 0].set_ylabel("loss per sample")
        axes[-1, 0].set_xlabel("iteration")
        figure.tight_layout()
        return axes[:, 0] if metrics else axes[0, 0]

    def source(self) -> str:
        """Write the plain PyTorch loop that does what this run did, for its owner to keep.

        It is made from ``setup``, so also of a run that was read back. The file needs torch, and
        NumPy where it shuffles, and no fivestep; see docs/eject.md for what it leaves out.

        Raises:
            ValueError: this run cannot be written out; the message says why.
        """
        from fivestep.eject import source

        return source(self.setup)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Run:
        """Read a run back from its file, or the newest run of a directory.

        A record whose writer was killed is read up to its last whole line, with the reason
        ``"unfinished"``.

        Raises:
            FileNotFoundError: there is no such file, or no run in the directory.
            ValueError: the file is no record of a run, or of a newer format.
        """
        path = _newest(Path(path).expanduser())
        run = cls(path=path)
        for line in read_lines(path):
            try:
                run._take_in(line)
            except (KeyError, TypeError) as error:
                raise ValueError(f"{path} is no record of a run: {error!r} in a line") from error
        if not run.setup:
            raise ValueError(f"{path} is no record of a run: its first line is no header")
        return run

    def _take_in(self, line: Entry) -> None:
        kind = line.pop("kind", None)
        if kind == "start":
            if line["format"] > FORMAT:
                raise ValueError(
                    f"{self.path} has format {line['format']}, and this fivestep "
                    f"({__version__}) reads up to {FORMAT}\n  do: pip install -U fivestep"
                )
            self.seed, self.setup = line["seed"], line["setup"]
        elif kind == "record":
            self.history.append(line)
        elif kind == "terms":
            self.setup["loop"]["terms"] = line["names"]
        elif kind == "end":
            self.reason, self.message = line["reason"], line["message"]
            self.best, self.seconds = line["best"], line["seconds"]
            if "report" in line:
                self.report = from_json(line["report"])


def _newest(path: Path) -> Path:
    if not path.is_dir():
        return path
    others = (VITALS, PAGE)  # what stands beside a journal
    journals = [file for file in path.glob("*.jsonl") if not file.name.endswith(others)]
    found = sorted(journals, key=lambda file: (file.stat().st_mtime_ns, file.name))
    if not found:
        raise FileNotFoundError(f"there is no run (*.jsonl) in {path}")
    return found[-1]


def _curves(history: list[Entry]) -> tuple[dict[str, Any], dict[str, Any]]:
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for record in history:
        for name, value in record.items() if record["when"] != "back" else ():
            if name == "loss" or name.startswith("validation_"):
                label = "loss of the window" if name == "loss" and _by_update(record) else name
                at, values = curves.setdefault(label, ([], []))
                at.append(record["iteration"])
                values.append(value)
    losses = {name: curve for name, curve in curves.items() if "loss" in name}
    return losses, {name: curve for name, curve in curves.items() if name not in losses}


def went_back(record: Entry) -> str:
    """Say from where to where it was gone back, and what became of the rate."""
    return (
        f"went back from iteration {record['from_iteration']} to {record['iteration']} (epoch "
        f"{record['epoch']}), rate {record['from_rate']:.3g} to {record['learning_rate']:.3g}"
    )


def _by_update(record: Entry) -> bool:
    return record["when"] == "update"


def _missing(method: str, package: str, extra: str | None = None) -> ImportError:
    return ImportError(
        f"run.{method}() needs {package}, which is not installed\n"
        f"  do: pip install 'fivestep[{extra or package}]'"
    )
