"""The widget without a browser: what its model holds, what it sends, what it takes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from player import wait_until
from torch import nn

import fivestep
from fivestep.page.inside import Inside
from fivestep.page.protocol import file_name, placed
from fivestep.stepping import Stepped

pytest.importorskip("anywidget")

GOLDEN = Path(__file__).parent / "golden" / "line.jsonl"


class Wire:
    """What a widget has sent to its views."""

    def __init__(self, widget: Any) -> None:
        self.widget = widget
        self.sent: list[Any] = []
        widget.send = self.sent.append

    def say(self, content: Any) -> None:
        """As from a view."""
        self.widget._handle_custom_msg(content, [])

    def messages(self) -> list[Any]:
        text = "\n".join(one["lines"] for one in list(self.sent))
        return [json.loads(line) for line in text.splitlines() if line]

    def of(self, kind: str) -> list[Any]:
        return [one for one in self.messages() if one["kind"] == kind]


def loop() -> None:
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(5):
        loss = nn.functional.mse_loss(model(torch.ones(3, 2)), torch.ones(3, 1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.fixture
def stepped() -> Iterator[Callable[..., tuple[Stepped, Wire]]]:
    made: list[Stepped] = []

    def begin(function: Callable[[], object] = loop) -> tuple[Stepped, Wire]:
        one = Stepped(function, "a cell", __file__)
        made.append(one)
        wire = Wire(one.page())
        one.start()
        return one, wire

    yield begin
    for one in made:
        one.stop()
        one.page().close()


def records(widget: Any) -> list[Any]:
    """What a view that begins now is given."""
    return [json.loads(line) for line in widget.get_state("record")["record"].splitlines()]


def test_it_is_held_and_goes_a_step_when_it_is_asked(stepped: Any) -> None:
    one, wire = stepped()
    wait_until(lambda: wire.of("state"), 60)
    assert wire.of("state")[0]["paused"] is True
    for count in (1, 2, 3):
        wire.say({"id": str(count), "verb": "step"})
        wait_until(lambda count=count: len(wire.of("moment")) == count)
    assert [m["step"] for m in wire.of("moment")] == ["forward", "loss", "zero_grad"]
    wire.say({"id": "4", "verb": "play"})
    one.wait()
    wait_until(lambda: wire.of("end"))
    assert wire.of("end")[0]["reason"] == "finished"
    assert len(wire.of("iteration")) == 5


def test_bundles_follow_each_other_without_a_gap(stepped: Any) -> None:
    one, wire = stepped()
    one.wait()
    wait_until(lambda: wire.of("end"))
    last = 1  # hello was there before
    for bundle in wire.sent:
        assert bundle["after"] == last
        numbers = [json.loads(line)["seq"] for line in bundle["lines"].splitlines()]
        last = numbers[-1]


def test_a_view_that_begins_late_is_given_everything(stepped: Any) -> None:
    one, wire = stepped()
    one.wait()
    wait_until(lambda: wire.of("end"))
    kinds = [message["kind"] for message in records(wire.widget)]
    assert (kinds[0], kinds[-1]) == ("hello", "end")
    assert kinds.count("iteration") == 5
    wire.sent.clear()
    wire.say({"since": 3})
    assert [one["after"] for one in wire.sent] == [3]
    assert wire.messages()[0]["seq"] == 4


@pytest.mark.parametrize(
    "content",
    [
        None, [], 7, "step", {}, {"id": "x"}, {"id": 3, "verb": "step"},
        {"id": "x", "verb": "__import__('os')"}, {"id": "x", "verb": "step", "code": "1"},
        {"since": "0"}, {"since": True}, {"since": 1.5}, {"id": "x" * 65, "verb": "step"},
        {"id": "x", "verb": "knob", "name": "lr", "value": {"a": 1}},
    ],
)  # fmt: skip
def test_what_has_another_form_does_nothing(stepped: Any, content: Any) -> None:
    one, wire = stepped()
    wait_until(lambda: wire.of("state"), 60)
    wire.say(content)
    time.sleep(0.05)
    assert wire.of("moment") == []
    assert not any("applied" in ack for ack in wire.of("ack"))
    assert not one.done


def test_reset_and_a_loop_that_has_ended_are_refused_in_words(stepped: Any) -> None:
    one, wire = stepped()
    wire.say({"id": "again", "verb": "reset"})
    one.wait()
    wire.say({"id": "late", "verb": "step"})
    wait_until(lambda: any(ack["id"] == "late" for ack in wire.of("ack")))
    words = {ack["id"]: ack.get("refused") for ack in wire.of("ack")}
    assert words["again"] == "a notebook begins again by running its cell again"
    assert words["late"] == "it has ended: run the cell again"


def test_a_second_loop_ends_the_first_as_ctrl_c_would(stepped: Any) -> None:
    cleaned = threading.Event()

    def tidy() -> None:
        try:
            loop()
        finally:
            cleaned.set()

    first, wire = stepped(tidy)
    wait_until(lambda: wire.of("state"), 60)
    second, _ = stepped()
    assert first.done
    assert cleaned.is_set()
    assert isinstance(first.error, KeyboardInterrupt)
    assert not second.done
    wait_until(lambda: wire.of("end"))
    assert wire.of("end")[0]["reason"] == "interrupted"


def test_an_error_of_the_loop_is_told_and_raised_by_wait(
    stepped: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def bad() -> None:
        loop()
        raise ValueError("so it is")

    one, wire = stepped(bad)
    with pytest.raises(ValueError, match="so it is"):
        one.wait()
    wait_until(lambda: wire.of("end"))
    assert wire.of("end")[0]["message"] == "ValueError: so it is"
    assert "so it is" in capsys.readouterr().err


def test_nothing_is_left_behind_in_torch(stepped: Any) -> None:
    before = nn.Module.__call__, torch.optim.Optimizer.zero_grad, torch.autograd.backward
    one, _ = stepped()
    one.wait()
    after = nn.Module.__call__, torch.optim.Optimizer.zero_grad, torch.autograd.backward
    assert before == after


def test_other_threads_are_not_held(stepped: Any) -> None:
    _, wire = stepped()
    wait_until(lambda: wire.of("state"), 60)
    loop()  # in this thread, while that one is paused
    assert wire.of("moment") == []


def test_the_order_of_words_for_a_wrong_argument() -> None:
    with pytest.raises(TypeError, match="a function without arguments was expected, not list"):
        fivestep.step([])  # type: ignore[arg-type]


def test_a_record_is_viewed_as_it_stands_in_the_file() -> None:
    widget = fivestep.view(GOLDEN)
    told = records(widget)
    kept = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    assert widget.mode == "replay"
    assert told[0] == kept[0] | {"mode": "replay"}
    assert told[1:] == kept[1:]


def test_a_run_is_viewed_from_memory_from_its_file_and_from_its_folder(tmp_path: Path) -> None:
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = torch.ones(8, 1), torch.ones(8, 1)
    run = fivestep.fit(
        model, nn.MSELoss(), optimizer, data, epochs=3, record=tmp_path, progress=False
    )
    assert run.path is not None
    losses = [one["loss"] for one in run.history]
    for given in (run, run.path, tmp_path):
        told = records(fivestep.view(given))
        assert fivestep.view(given).mode == "film"
        assert [one["loss"] for one in told if one["kind"] == "entry"] == losses
        assert told[0]["mode"] == "watch"
        assert told[-1]["message"] == "all 3 epochs are done"
        assert "iteration" in {one["kind"] for one in told}  # from the vitals beside it
    run.path = None
    told = records(fivestep.view(run))
    assert [one["loss"] for one in told if one["kind"] == "entry"] == losses
    assert [one["kind"] for one in told].count("finding") == len(run.findings)


def test_no_finding_says_where_a_file_lies() -> None:
    at = {"file": "/somebody/train.py", "rule": "a", "consequences": []}
    told = placed(at | {"consequences": [at, at | {"file": None}]}, file_name)
    assert json.dumps(told).count("train.py") == 2
    assert "somebody" not in json.dumps(told)


def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fivestep.view(tmp_path / "none.jsonl")
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(ValueError, match="is no record of a run"):
        fivestep.view(tmp_path / "x.jsonl")


def test_what_the_view_is_told_is_what_the_ring_holds() -> None:
    inside = Inside("one", paused=True)
    inside.greet("a cell", __file__)
    kinds = [entry.kind for entry in inside.ring.read(0)]
    assert kinds == ["hello"]
