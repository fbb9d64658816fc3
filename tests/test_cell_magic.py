"""``%%step``: the cell returns, its loop waits in a thread, and shares the notebook's variables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("anywidget")
pytest.importorskip("IPython")

from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

SETUP = """\
import torch
from torch import nn
torch.set_num_threads(1)
torch.manual_seed(0)
model = nn.Linear(4, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.01)
x = torch.randn(16, 4)
done = 0
"""
LOOP = """\
for turn in range(6):
    loss = (model(x) - x[:, :1]).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    done += 1
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    config = Config({"HistoryManager": {"enabled": False}})
    one: Any = InteractiveShell.instance(config=config, display_pub_class=CapturingDisplayPublisher)
    one.run_cell("%load_ext fivestep", store_history=True)
    one.run_cell(SETUP, store_history=True)
    yield one
    if "loop" in one.user_ns:
        one.user_ns["loop"].stop()
    one.history_manager.end_session()
    InteractiveShell.clear_instance()


def run(shell: Any, cell: str) -> Any:
    return shell.run_cell(cell, store_history=True)


def messages(shell: Any, kind: str) -> list[Any]:
    ring = shell.user_ns["loop"].inside.ring
    return [one.content for one in ring.read(0, 10**6) if one.kind == kind]


def until(shell: Any, kind: str, count: int = 1) -> list[Any]:
    end = time.monotonic() + 60
    while len(messages(shell, kind)) < count:
        assert time.monotonic() < end, messages(shell, kind)
        time.sleep(0.02)
    return messages(shell, kind)


def test_the_cell_returns_and_its_loop_waits(shell: Any) -> None:
    assert run(shell, "%%step --name loop\n" + LOOP).success
    assert until(shell, "state")[0]["paused"] is True
    assert shell.user_ns["done"] == 0
    loop = shell.user_ns["loop"]
    for count in (1, 2, 3):
        loop.inside.ask({"id": str(count), "verb": "step"})
        until(shell, "moment", count)
    hello = messages(shell, "hello")[0]
    source = hello["sources"][0]["text"].splitlines()
    for moment in messages(shell, "moment"):
        line = source[moment["site"]["line"] - 1]
        word = {"forward": "model(x)", "loss": "loss =", "zero_grad": "zero_grad"}[moment["step"]]
        assert word in line
    loop.wait()
    assert shell.user_ns["done"] == 6


def test_the_weights_are_those_of_the_cell_without_it(shell: Any) -> None:
    run(shell, "%%step --name loop\n" + LOOP)
    shell.user_ns["loop"].wait()
    stepped = shell.user_ns["model"].weight.detach().clone()
    run(shell, SETUP)
    run(shell, LOOP)
    assert stepped.equal(shell.user_ns["model"].weight)


def test_running_the_cell_again_ends_the_loop_before(shell: Any) -> None:
    run(shell, "%%step --name loop\n" + LOOP)
    until(shell, "state")
    first = shell.user_ns["loop"]
    assert run(shell, "%%step --name loop\n" + LOOP).success
    assert first.done
    assert not shell.user_ns["loop"].done


def test_the_doctor_reads_along(shell: Any) -> None:
    run(shell, "%%step --name loop\n" + LOOP.replace("opt.zero_grad()", "pass"))
    shell.user_ns["loop"].wait()
    assert [one["rule"] for one in until(shell, "finding")] == ["stale-gradient"]


def test_a_wrong_option_runs_nothing(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert not run(shell, "%%step --frobnicate\n" + LOOP).success
    assert shell.user_ns["done"] == 0
