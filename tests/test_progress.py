"""What a person sees: a live line on a terminal, few plain lines elsewhere, nothing if asked so."""

from __future__ import annotations

import io
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from fivestep import Run, fit, progress

X = torch.linspace(-1, 1, 12).unsqueeze(1)
Y = 2 * X + 1
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


def train_line(loss_fn: Any = None, **options: Any) -> Run:
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    settled: dict[str, Any] = {"epochs": 3}
    return fit(model, loss_fn or nn.MSELoss(), optimizer, (X, Y), **(settled | options))


# A real terminal. The script shows the line after every iteration, so that nothing depends on time.

SCRIPT = """
import os, signal, sys
import torch
from torch import nn
import fivestep.progress
from fivestep import fit
fivestep.progress.REFRESH_SECONDS = 0.0
torch.set_num_threads(1)
calls = 0
def loss_fn(prediction, targets):
    global calls
    calls += 1
    if calls == 20:
        {at_call_20}
    return nn.functional.mse_loss(prediction, targets)
torch.manual_seed(0)
model, x = nn.Linear(1, 1), torch.linspace(-1, 1, 80).unsqueeze(1)
run = fit(model, loss_fn, torch.optim.SGD(model.parameters(), lr=0.01), (x, 2 * x + 1),
          epochs=5, batch_size=8, {options})
print("REASON", run.reason)
"""


def on_a_terminal(
    at_call_20: str = "pass", options: str = "", columns: int = 100, **environment: str
) -> tuple[str, int]:
    """Run the script on a pseudo-terminal; give all that it wrote there, and its exit code."""
    pytest.importorskip("termios")
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    known = {"TERM": "xterm-256color", "NO_COLOR": "", "COLUMNS": "", "LINES": ""}
    known["PYTHON_COLORS"] = "0"  # from 3.13 on, of a traceback
    variables = {**os.environ, **known, **environment}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(at_call_20=at_call_20, options=options)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={name: value for name, value in variables.items() if value},
    )
    os.close(theirs)
    written = b"".join(iter(lambda: read_from(ours), b""))
    os.close(ours)
    return written.decode(), process.wait()


def read_from(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # on Linux the end of a terminal is an error
        return b""


def visible(written: str) -> list[str]:
    return [ESCAPE.sub("", part) for part in re.split(r"[\r\n]+", written)]


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_a_terminal_shows_a_live_line_that_fits_its_width(columns: int) -> None:
    written, code = on_a_terminal(options="validate=(x, 2 * x + 1)", columns=columns)
    assert code == 0, written
    assert "REASON finished" in written
    live = [part for part in visible(written) if re.match(r"epoch .*%", part)]
    assert len(live) >= 40
    assert any(part.startswith("epoch 3/5") for part in live)
    assert max(map(len, live)) <= columns
    numbers = [part.split(":")[-1].strip()[2:].split("  ") for part in live[1:]]
    assert all(shown[0].strip().startswith("loss ") for shown in numbers)
    assert all("…" not in part for part in live), "a number cut in half is a wrong one"
    if columns >= 80:
        assert all(shown[1].startswith("rate 0.01") for shown in numbers)
    # One line, drawn over itself: a line that wraps would move the cursor up to draw again.
    assert not re.search(r"\x1b\[[2-9]\d*A", written)
    assert written.count("\x1b[1A") <= 2
    assert_cursor_shown(written)


def assert_cursor_shown(written: str) -> None:
    assert HIDE in written
    assert written.rindex(SHOW) > written.rindex(HIDE)


def test_the_lines_of_the_epochs_stand_above_the_live_line() -> None:
    written, _ = on_a_terminal()
    done = [line for line in visible(written) if re.match(r"epoch \d/5  loss", line)]
    assert [line[:9] for line in done] == [f"epoch {n}/5" for n in range(1, 6)]
    assert any(line.startswith("finished after 50 iterations") for line in visible(written))


def test_the_cursor_comes_back_after_an_exception() -> None:
    written, code = on_a_terminal("raise LookupError('no such word')")
    assert code == 1
    assert "LookupError: no such word" in written
    assert_cursor_shown(written)
    assert written.rindex("LookupError: no such word") > written.rindex(SHOW)


def test_the_cursor_comes_back_after_one_ctrl_c() -> None:
    written, code = on_a_terminal("os.kill(os.getpid(), signal.SIGINT)")
    assert code == 0, written
    assert "REASON interrupted" in written
    assert_cursor_shown(written)


def test_the_cursor_comes_back_after_two() -> None:
    twice = "os.kill(os.getpid(), signal.SIGINT); os.kill(os.getpid(), signal.SIGINT)"
    written, code = on_a_terminal(twice)
    assert code in (-2, 1), written  # Python's own way out: 1 if what torch loads runs code at exit
    assert "KeyboardInterrupt" in written
    assert_cursor_shown(written)


def test_no_colour_is_honoured() -> None:
    colours = re.compile(r"\x1b\[(?:\d+;)*(?:3\d|4\d|9\d|38|48)(?:;\d+)*m")
    plain, _ = on_a_terminal(NO_COLOR="1")
    assert not colours.search(plain)
    coloured, _ = on_a_terminal()
    assert colours.search(coloured)


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines() -> None:
    written, code = on_a_terminal(TERM="dumb")
    assert code == 0
    assert "\x1b" not in written
    assert len([line for line in visible(written) if re.match(r"epoch \d/5  loss", line)]) == 5


def test_nothing_is_shown_on_a_terminal_if_asked_so() -> None:
    written, code = on_a_terminal(options="progress=False")
    assert code == 0
    assert written == "REASON finished\r\n"


# No terminal.


def test_elsewhere_there_are_few_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    train_line(epochs=1000, batch_size=12, validate=(X, Y))
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    epochs = [line for line in lines if line.startswith("epoch")]
    assert 10 <= len(epochs) <= 22
    assert len(lines) <= len(epochs) + 3  # how it ended, the best, and the doctor's
    assert epochs[0].startswith("epoch    1/1000  loss ")
    assert epochs[-1].startswith("epoch 1000/1000  loss ")
    assert err.isascii()
    assert "\x1b" not in err
    assert "\r" not in err


@pytest.mark.parametrize("epochs", [1, 2, 19, 20, 21, 39, 101])
def test_the_first_and_the_last_epoch_are_always_told(
    epochs: int, capsys: pytest.CaptureFixture[str]
) -> None:
    train_line(epochs=epochs, batch_size=12)
    told = [
        int(line.split("/")[0].removeprefix("epoch"))
        for line in capsys.readouterr().err.splitlines()
        if line.startswith("epoch")
    ]
    assert told[0] == 1
    assert told[-1] == epochs
    assert len(told) == len(set(told)) <= 22


def test_a_long_epoch_gives_signs_of_life(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.0)
    train_line(epochs=1, batch_size=4)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  loss")[0] for line in lines[:3]] == [
        f"epoch 1/1  iteration {number}" for number in (1, 2, 3)
    ]


def test_nan_is_told_as_nan(capsys: pytest.CaptureFixture[str]) -> None:
    def metric(prediction: Any, targets: Any) -> float:
        return math.nan

    train_line(epochs=1, validate=(X, Y), metrics={"none": metric})
    assert "none nan" in capsys.readouterr().err


def test_nothing_at_all_is_written_if_asked_so(capfd: pytest.CaptureFixture[str]) -> None:
    train_line(progress=False, validate=(X, Y))
    assert capfd.readouterr() == ("", "")


def test_a_program_without_a_standard_error_can_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)  # pythonw, some services
    assert train_line().reason == "finished"


class Broken(io.StringIO):
    """A stream whose reader is gone after the first line."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        if self.getvalue():
            raise self.error
        return super().write(text)


@pytest.mark.parametrize(
    "error",
    [
        BrokenPipeError(32, "Broken pipe"),
        OSError(28, "No space left on device"),
        ValueError("I/O operation on closed file"),
        UnicodeEncodeError("ascii", "é", 0, 1, "ordinal not in range"),
    ],
    ids=["pipe", "disk", "closed", "letters"],
)
def test_a_stream_that_breaks_ends_the_showing_and_not_the_training(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    stream = Broken(error)
    monkeypatch.setattr(sys, "stderr", stream)
    run = train_line()
    assert run.reason == "finished"
    assert len(run.history) == 3
    assert stream.getvalue().startswith("epoch 1/3")


def test_a_closed_standard_error_does_not_stop_the_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    assert train_line().reason == "finished"


def test_a_notebook_gets_few_lines_on_its_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    train_line(epochs=200, batch_size=12)
    out, err = capsys.readouterr()
    assert err == ""
    assert 10 <= len(out.splitlines()) <= 24
    assert "\x1b" not in out
    assert "\r" not in out


# What it costs the training: nothing.

READS: tuple[str, ...] = (
    "item",
    "tolist",
    "numpy",
    "cpu",
    "__float__",
    "__bool__",
    "__int__",
    "__format__",
)


def counted_reads(monkeypatch: pytest.MonkeyPatch, train: Callable[[], Run]) -> dict[str, int]:
    counts = dict.fromkeys(READS, 0)
    with monkeypatch.context() as patch:
        for name in READS:
            really = getattr(torch.Tensor, name)

            def counting(self: Any, *args: Any, _name: str = name, _really: Any = really) -> Any:
                counts[_name] += 1
                return _really(self, *args)

            patch.setattr(torch.Tensor, name, counting)
        train()
    return counts


def test_no_number_is_read_from_the_device_on_its_account(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.0)  # something to show at every iteration

    def train(shown: bool) -> Callable[[], Run]:
        return lambda: train_line(epochs=4, batch_size=4, validate=(X, Y), progress=shown)

    quiet = counted_reads(monkeypatch, train(False))
    loud = counted_reads(monkeypatch, train(True))
    assert capsys.readouterr().err.count("iteration") >= 12
    assert loud == quiet
    assert quiet["item"] > 0


def test_progress_changes_no_bit_of_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    def numbers(run: Run) -> list[dict[str, Any]]:
        timed = ("seconds", "samples_per_second")
        return [{k: v for k, v in r.items() if k not in timed} for r in run.history]

    assert numbers(train_line(progress=True)) == numbers(train_line(progress=False))
