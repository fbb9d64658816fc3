"""What a school takes from a page, and what it does not; without a script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fivestep.learn.contents import LESSONS
from fivestep.learn.school import School
from fivestep.page.protocol import DRAWN, POINTS, SET, Message, RefusedError, encode, request
from fivestep.page.supervise import Supervisor

LINE = LESSONS[0]


class Unstarted(School):
    """Its script never runs: a test tells what it would have told."""

    def open(self) -> None:
        """What comes before a run; then the run's own greeting."""
        self.start()

    def told(self, kind: str, **fields: Any) -> None:
        self.post(kind, fields)

    def messages(self, kind: str) -> list[Message]:
        entries = self.ring.read(0, 100_000)
        return [json.loads(one.content) for one in entries if one.kind == kind]

    def again(self) -> None:
        """The restart that was asked for."""
        assert self._reset is not None
        self._reset = None
        self.stop()
        self.start()

    @property
    def arguments(self) -> list[str]:
        return self._arguments


@pytest.fixture
def school(monkeypatch: pytest.MonkeyPatch) -> Unstarted:
    sent: list[Message] = []

    def no_script(self: Any) -> None:
        self.post("hello", {"run": "a"})

    def to_script(self: Any, asked: Message) -> bool:
        sent.append(asked)
        return True

    monkeypatch.setattr(Supervisor, "start", no_script)
    monkeypatch.setattr(Supervisor, "ask", to_script)
    made = Unstarted(1)
    made.open()
    return made


def asked(verb: str, **more: Any) -> Message:
    return request({"id": verb, "verb": verb} | more)


def run_to_its_end(school: Unstarted, losses: list[float], reason: str = "finished") -> None:
    for iteration, loss in enumerate(losses, start=1):
        school.told("iteration", iteration=iteration, loss=loss)
    school.told("end", reason=reason, message="", exit_code=0)


# --- What is taken ----------------------------------------------------------------------------


def test_it_tells_its_lessons_once_and_the_lesson_before_each_run(school: Unstarted) -> None:
    school.ask(asked("reset"))
    school.again()
    kinds = [one.kind for one in school.ring.read(0)]
    assert kinds == ["lessons", "lesson", "hello", "lesson", "hello"]
    told = school.messages("lesson")[-1]
    assert (told["number"], told["title"], told["answering"]) == (1, LINE.title, None)
    assert told["values"] == LINE.values()
    assert len(school.messages("lessons")[0]["lessons"]) == len(LESSONS)


def test_settings_become_the_arguments_of_the_script(school: Unstarted) -> None:
    school.ask(asked("settings", value={"lr": 0.5, "epochs": 7}))
    school.again()
    assert school.arguments == ["--lr=0.5", "--epochs=7", "--seed=0"]
    assert school.messages("lesson")[-1]["values"] == {"lr": 0.5, "epochs": 7, "seed": 0}


def test_own_points_are_written_to_a_place_of_ours(school: Unstarted) -> None:
    school.ask(asked("lesson", value=2))
    school.ask(asked("points", value=[[0, 1.5], [1e-3, -2]]))
    school.again()
    (data,) = [one for one in school.arguments if one.startswith("--data=")]
    written = Path(data.removeprefix("--data=")).read_text(encoding="utf-8")
    assert written == "0.0,1.5\n0.001,-2.0\n"
    school.ask(asked("points", value=None))
    school.again()
    assert not any(one.startswith("--data=") for one in school.arguments)
    assert not Path(data.removeprefix("--data=")).parent.exists()


def test_an_answer_begins_its_runs_and_the_last_gives_the_verdict(school: Unstarted) -> None:
    school.ask(asked("answer", name="rate", value="0.1"))
    ends = [0.3, 0.1, 0.2, 9.0]
    for place, last in enumerate(ends, start=1):
        school.again()
        told = school.messages("lesson")[-1]
        assert told["answering"]["run"] == place
        assert told["answering"]["of"] == len(ends)
        assert school.messages("verdict") == []
        run_to_its_end(school, [1.0, last])
    (verdict,) = school.messages("verdict")
    assert (verdict["answer"], verdict["truth"], verdict["right"]) == ("0.1", "0.1", True)
    assert [one["losses"][-1] for one in verdict["curves"]] == ends
    run_to_its_end(school, [1.0, 0.5])
    assert len(school.messages("verdict")) == 1, "later runs answer nothing"


def test_other_runs_give_another_verdict(school: Unstarted) -> None:
    for best in range(4):
        school.ask(asked("answer", name="rate", value="0.1"))
        for place in range(4):
            school.again()
            run_to_its_end(school, [1.0, 0.1 if place == best else 0.9])
    told = [one["truth"] for one in school.messages("verdict")]
    assert told == ["0.01", "0.1", "0.5", "1.2"]
    assert [one["right"] for one in school.messages("verdict")] == [False, True, False, False]


def test_a_knob_by_hand_makes_it_another_run(school: Unstarted) -> None:
    school.ask(asked("answer", name="fall", value=[1.0] * 9))
    school.again()
    school.ask(asked("knob", name="lr", value=0.5))
    run_to_its_end(school, [1.0] * 20)
    (verdict,) = school.messages("verdict")
    assert "knob" in verdict["dropped"]
    assert "right" not in verdict


@pytest.mark.parametrize("reason", ["failed", "interrupted"])
def test_a_run_that_fails_answers_nothing(school: Unstarted, reason: str) -> None:
    school.ask(asked("answer", name="fall", value=[1.0] * 9))
    school.again()
    run_to_its_end(school, [1.0, 0.5], reason)
    assert "did not come to its end" in school.messages("verdict")[0]["dropped"]


def test_a_run_that_says_too_little_answers_nothing(school: Unstarted) -> None:
    school.ask(asked("answer", name="fall", value=[1.0] * 9))
    school.again()
    run_to_its_end(school, [1.0, 0.5])  # the words tell of iteration 10
    assert "did not tell" in school.messages("verdict")[0]["dropped"]


@pytest.mark.parametrize(
    "other",
    [("reset", {}), ("lesson", {"value": 2}), ("settings", {"value": {"lr": 0.2}})],
    ids=["reset", "lesson", "settings"],
)
def test_whoever_begins_anew_drops_the_question(school: Unstarted, other: Any) -> None:
    school.ask(asked("answer", name="fall", value=[1.0] * 9))
    school.again()
    school.ask(asked(other[0], **other[1]))
    school.again()
    (verdict,) = school.messages("verdict")
    assert (verdict["lesson"], verdict["question"]) == (1, "fall")
    assert "begun anew" in verdict["dropped"]
    run_to_its_end(school, [1.0] * 20)
    assert len(school.messages("verdict")) == 1


def test_two_requests_at_once_are_both_answered(school: Unstarted) -> None:
    school.ask(asked("settings", value={"lr": 0.5}) | {"id": "one"})
    school.ask(asked("settings", value={"epochs": 9}) | {"id": "two"})
    school.again()
    assert [one["id"] for one in school.messages("ack")] == ["one"]  # the other by the restart
    assert school.messages("lesson")[-1]["values"] == {"lr": 0.5, "epochs": 9, "seed": 0}


# --- What is not ------------------------------------------------------------------------------

FORMS: list[tuple[str, Any]] = [
    ("lesson", None), ("lesson", "1"), ("lesson", 1.5), ("lesson", True), ("lesson", [1]),
    ("lesson", float("nan")), ("lesson", 10**400),
    ("settings", None), ("settings", []), ("settings", {}), ("settings", {"lr": [1]}),
    ("settings", {"lr": {"a": 1}}), ("settings", {"x" * 65: 1}), ("settings", {"lr": "y" * 65}),
    ("settings", {f"a{i}": 1 for i in range(SET + 1)}), ("settings", {"lr": 10**400}),
    ("answer", [0.0] * (DRAWN + 1)), ("answer", [True]), ("answer", ["1"]), ("answer", [None]),
    ("answer", [float("nan")]), ("answer", [float("inf")]), ("answer", {"a": 1}),
    ("answer", [[1]]), ("answer", "x" * 65),
    ("points", []), ("points", [[1, 2]]), ("points", "points.csv"), ("points", [[1, 2], [3]]),
    ("points", [[1, 2], [3, 4, 5]]), ("points", [[1, 2], "34"]), ("points", [[1, 2], [3, "4"]]),
    ("points", [[1, 2], [3, float("nan")]]), ("points", [[1, 2], [3, float("inf")]]),
    ("points", [[1, 2], [True, 4]]), ("points", [[0, 0]] * (POINTS + 1)),
    ("points", [[1, 2], [3, 10**400]]), ("points", {"0": [1, 2]}),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "value"), FORMS)
def test_another_form_is_refused(verb: str, value: Any) -> None:
    with pytest.raises(RefusedError):
        request({"id": "a", "verb": verb, "name": "rate", "value": value})


VALUES: list[tuple[str, Any]] = [
    ("lesson", 0.0), ("lesson", -1.0), ("lesson", 99.0),
    ("settings", {"data": "/etc/passwd"}), ("settings", {"__class__": 1}),
    ("settings", {"lr": "0.1"}), ("settings", {"lr": 99}), ("settings", {"lr": None}),
    ("settings", {"lr": True}), ("settings", {"seed": 0.5}), ("settings", {"lr": float("nan")}),
    ("answer", "elsewhere"), ("answer", None), ("answer", 1.0), ("answer", [1.0] * 9),
    ("points", [[1, 2], [3, 4]]),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "value"), VALUES)
def test_what_the_lesson_does_not_know_is_refused_and_changes_nothing(
    school: Unstarted, verb: str, value: Any
) -> None:
    with pytest.raises(RefusedError):
        school.ask(asked(verb, name="rate", value=value))
    school.ask(asked("reset"))
    school.again()
    told = school.messages("lesson")[-1]
    assert (told["number"], told["values"], told["points"]) == (1, LINE.values(), None)
    assert told["answering"] is None


@pytest.mark.parametrize("drawn", [[1.0] * 8, [1.0] * 10, [-0.1] * 9, [2.1] * 9])
def test_a_drawing_has_its_own_length_and_height(school: Unstarted, drawn: list[float]) -> None:
    with pytest.raises(RefusedError, match="9 numbers from 0 to 2"):
        school.ask(asked("answer", name="fall", value=drawn))


def test_a_name_that_is_no_question(school: Unstarted) -> None:
    for name in ("", "mover2", "../mover", "rate\n"):
        with pytest.raises(RefusedError, match="no such question"):
            school.ask(asked("answer", name=name, value="0.1"))


def test_a_card_does_not_tell_its_truth() -> None:
    for lesson in LESSONS:
        for one in lesson.plain()["cards"]:
            assert "truth" not in one
            encode(one)
