"""``fit(background=True)``: the same training, in a thread of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import fivestep
from fivestep.background import Background

PATIENCE = 60


def made(*, classes: int = 1, dtype: torch.dtype = torch.float32) -> tuple[Any, ...]:
    torch.manual_seed(5)
    model = nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.4), nn.Linear(8, classes)
    ).to(dtype)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    x = torch.randn(70, 4, dtype=dtype)
    return model, nn.MSELoss(), optimizer, (x, x.sum(1, keepdim=True).expand(-1, classes))


def trained(background: bool, **options: Any) -> tuple[Any, fivestep.Run, torch.Tensor]:
    model, loss_fn, optimizer, data = made(**options.pop("made", {}))
    run = fivestep.fit(
        model, loss_fn, optimizer, data, progress=False, background=background, **options
    )
    run.wait()
    return model, run, torch.rand(3)


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 4},
        {"epochs": 3, "watch": False, "seed": 7},
        {"length": "11 updates", "accumulate": 2, "clip": 0.5},
        {"epochs": 3, "average": 0.9, "schedule": fivestep.cosine()},
        {"epochs": 2, "made": {"classes": 3, "dtype": torch.float64}},
    ],
)
def test_the_same_bits_as_in_the_foreground(options: dict[str, Any]) -> None:
    one, here, drawn = trained(False, **dict(options))
    other, there, also = trained(True, **dict(options))
    assert type(there) is Background
    for mine, theirs in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
    assert torch.equal(drawn, also)
    assert [e["loss"] for e in here.history] == [e["loss"] for e in there.history]
    assert (here.reason, here.message) == (there.reason, there.message)
    assert [f.rule for f in here.findings] == [f.rule for f in there.findings]


class Gate(nn.Module):
    """Lets a forward through when it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 1)
        self.entered, self.opened = threading.Event(), threading.Event()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.entered.set()
        assert self.opened.wait(PATIENCE)
        return self.inner(x)


def held(length: str = "1000000 updates") -> tuple[Gate, Background]:
    """A training that is in the middle of its first iteration."""
    gate = Gate()
    data = torch.randn(8, 4), torch.randn(8, 1)
    optimizer = torch.optim.SGD(gate.parameters(), lr=0.01)
    run = fivestep.fit(
        gate, nn.MSELoss(), optimizer, data, length=length, progress=False, watch=False,
        background=True, log_every=1,
    )  # fmt: skip
    assert gate.entered.wait(PATIENCE)
    assert isinstance(run, Background)
    return gate, run


def test_it_returns_at_once_and_stop_ends_it_after_its_iteration() -> None:
    gate, run = held()
    assert not run.done
    assert run.message == "it is still running"
    run.stop()
    gate.opened.set()
    assert run.wait() is run
    assert run.reason == "interrupted"
    assert run.inside is not None
    told = [one.content for one in run.inside.ring.read(0) if one.kind == "iteration"]
    assert [one["iteration"] for one in told] == [1]


def test_what_would_disturb_it_is_refused_by_name() -> None:
    gate, run = held()
    other = nn.Linear(4, 1)
    data = torch.randn(8, 4), torch.randn(8, 1)
    optimizer = torch.optim.SGD(gate.parameters(), lr=0.01)
    try:
        with pytest.raises(RuntimeError, match="this model is being trained in the background"):
            fivestep.fit(gate, nn.MSELoss(), optimizer, data, epochs=1)
        with pytest.raises(RuntimeError, match=r"another model is being .*\n.*do: run\.wait\(\)"):
            fivestep.fit(other, nn.MSELoss(), optimizer, data, epochs=1, background=True)
        with pytest.raises(RuntimeError, match="this model is being trained"):
            fivestep.evaluate(gate, nn.MSELoss(), data)
        with pytest.raises(RuntimeError, match="another model is being trained"):
            fivestep.find_lr(other, nn.MSELoss(), optimizer, data)
    finally:
        gate.opened.set()
        run.stop()
        run.wait()
    optimizer = torch.optim.SGD(other.parameters(), lr=0.01)
    fivestep.fit(other, nn.MSELoss(), optimizer, data, epochs=1, progress=False)


def test_what_is_wrong_with_the_input_is_said_at_once() -> None:
    model, loss_fn, optimizer, data = made()
    with pytest.raises(ValueError, match="epochs"):
        fivestep.fit(model, loss_fn, optimizer, data, epochs=-1, background=True)
    assert not [one for one in threading.enumerate() if one.name == "fivestep fit"]


def test_what_goes_wrong_later_is_raised_by_wait() -> None:
    def bad(prediction: Any, targets: Any) -> Any:
        raise ArithmeticError("in the loss")

    model, _, optimizer, data = made()
    run = fivestep.fit(model, bad, optimizer, data, epochs=1, progress=False, background=True)
    with pytest.raises(ArithmeticError, match="in the loss"):
        run.wait()
    assert run.reason == "failed"
    assert fivestep.fit(*made(), epochs=1, progress=False).reason == "finished"


def test_a_paused_training_goes_on_when_it_is_waited_for() -> None:
    model, loss_fn, optimizer, data = made()
    run = fivestep.fit(model, loss_fn, optimizer, data, epochs=50, progress=False, background=True)
    assert isinstance(run, Background)
    assert run.inside is not None
    run.inside.ask({"id": "1", "verb": "pause"})
    assert run.wait().reason == "finished"


def test_the_knobs_turn_a_training_in_the_background() -> None:
    gate, run = held()
    assert run.inside is not None
    run.inside.ask({"id": "p", "verb": "pause"})
    gate.opened.set()
    run.inside.ask({"id": "k", "verb": "knob", "name": "lr", "value": 0.5})
    ring = run.inside.ring

    def acks() -> dict[str, Any]:
        return {e.content["id"]: e.content for e in ring.read(0, 10**6) if e.kind == "ack"}

    waiter = threading.Event()
    for _ in range(PATIENCE * 20):
        if "k" in acks():
            break
        waiter.wait(0.05)
    assert acks()["k"]["applied"] == {"knob": "lr", "value": 0.5}
    run.stop()
    run.wait()


def test_it_needs_no_widget_to_be_shown_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    _, run, _ = trained(True, epochs=1)
    monkeypatch.setitem(sys.modules, "fivestep.page.widget", None)
    assert run._repr_mimebundle_()["text/plain"] == run.summary()  # type: ignore[attr-defined]


SCRIPT = """\
import sys, torch
from torch import nn
import fivestep
torch.set_num_threads(1)
model = nn.Linear(1, 1)
x = torch.ones(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
run = fivestep.fit(model, nn.MSELoss(), optimizer, (x, x), length=sys.argv[1], watch=False,
                   progress=False, background=True, record=sys.argv[2])
print("on its way", flush=True)
"""


def test_a_script_that_ends_waits_for_it_and_ctrl_c_ends_both(tmp_path: Path) -> None:
    def started(length: str, record: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", SCRIPT, length, str(record)], text=True, stdout=subprocess.PIPE
        )

    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    done = started("300 updates", whole)
    assert done.communicate(timeout=PATIENCE)[0] == "on its way\n"
    assert fivestep.Run.load(whole).reason == "finished"
    if sys.platform == "win32":
        return
    endless = started("1000000000 updates", cut)
    assert endless.stdout
    assert endless.stdout.readline() == "on its way\n"
    threading.Event().wait(0.5)  # it has come to its end, or soon will
    endless.send_signal(signal.SIGINT)
    endless.communicate(timeout=PATIENCE)
    assert fivestep.Run.load(cut).reason == "interrupted"
