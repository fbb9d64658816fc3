"""What the lessons claim, held against runs of their scripts; and the cards themselves."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from fivestep.cli import main
from fivestep.learn.cards import Choose, Draw, Question, Try
from fivestep.learn.contents import LESSONS
from fivestep.learn.heard import Heard, shape, turns
from fivestep.learn.lesson import Lesson
from fivestep.learn.settings import Choice, Number, arguments
from fivestep.page.control import Control
from fivestep.page.perform import perform
from fivestep.page.protocol import Message, RefusedError, encode
from fivestep.page.stage import SHARE

QUESTIONS = [
    (lesson, one)
    for lesson in LESSONS
    for one in lesson.cards
    if isinstance(one, (Choose, Draw))
]  # fmt: skip
IDS = [f"{lesson.title}: {one.name}" for lesson, one in QUESTIONS]


def ran(lesson: Lesson, asked: Try, *, share: float = 1e9) -> Heard:
    """A run of a lesson's script, as the school lets it answer, without a second process."""
    heard = Heard(asked.label)
    control = Control()
    for name, value in asked.knobs.items():
        control.ask({"id": "a", "verb": "knob", "name": name, "value": value})
    control.ask({"id": "b", "verb": "play"})
    count = 0

    def post(kind: str, fields: Message) -> int:
        nonlocal count
        count += 1
        heard.take({"kind": kind, "seq": count} | fields)
        return count

    values = arguments(lesson.values(dict(asked.settings)))
    outcome = perform(str(lesson.path), values, post, control, run_id="a", share=share)
    assert outcome.code == 0, outcome.error
    return heard


def answered(lesson: Lesson, name: str, *tries: Try) -> tuple[Question, list[Heard]]:
    """The runs of a question; other settings than its own, if they are given."""
    question = lesson.question(name)
    return question, [ran(lesson, one, share=detail(question)) for one in tries or question.tries]


def detail(question: Question) -> float:
    """A run that goes as fast as it can is not told in detail."""
    return SHARE if question.speed is None else 1e9


@pytest.mark.parametrize(("lesson", "question"), QUESTIONS, ids=IDS)
def test_a_question_is_answered_by_its_runs(lesson: Lesson, question: Question) -> None:
    runs = [ran(lesson, one, share=detail(question)) for one in question.tries]
    if isinstance(question, Draw):
        course = question.course(runs[0])
        likely: Any = [one / course[0] for one in course]
        verdict = question.judge(likely, runs)
        assert verdict["right"], "the run itself, drawn, is right"
        assert len(course) >= question.span, "it fills the pad"
    else:
        verdicts = {one: question.judge(one, runs) for one in question.answers}
        right = [one for one, verdict in verdicts.items() if verdict["right"]]
        assert right == [question.truth(runs)]
        verdict = verdicts[right[0]]
    assert "nan" not in verdict["words"]
    encode({"kind": "verdict"} | verdict | {"curves": question.curves(runs)})


@pytest.mark.parametrize("lesson", LESSONS, ids=[one.title for one in LESSONS])
def test_a_script_runs_alone(lesson: Lesson) -> None:
    told = subprocess.run(
        [sys.executable, "-W", "error", str(lesson.path), *arguments(lesson.values())],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip()


@pytest.mark.parametrize("lesson", LESSONS, ids=[one.title for one in LESSONS])
def test_the_scripts_own_settings_are_those_of_the_lesson(lesson: Lesson) -> None:
    plain = [sys.executable, str(lesson.path)]
    given = [*plain, *arguments(lesson.values())]
    one, other = (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for command in (plain, given)
    )
    assert one == other


# --- The shape of a curve ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("losses", "what"),
    [
        ([1, 0.5, 0.25, 0.1, 0.05], "falls"),
        ([5.0] * 8, "stays"),
        ([1, 0.98, 0.97, 0.97], "stays"),
        ([1, 2, 4, 8], "grows"),
        ([1, 0.5, 0.2, float("nan")], "grows"),
        ([1, float("inf")], "grows"),
        ([1, 0, 1, 0, 1, 0, 1, 0], "swings"),
        ([1, 0.1, 0.9, 0.2, 0.05, 0.04, 0.04, 0.04], "falls"),
        ([1, 0, 2, 0, 2, 0, 2, 0, 2], "swings"),
        ([1, 2, 2, 2, 2, 2], "grows"),
        ([1, 0.5, 1, 2, 1, 4, 2, 8, 3, 20], "grows"),
        ([2.0], "stays"),
        ([], "stays"),
    ],
)
def test_shape(losses: list[float], what: str) -> None:
    assert shape(losses) == what


def test_turns() -> None:
    assert turns([0, 1, 0, 1, 0], 0.5) == 3
    assert turns([0, 1, 0.9, 2, 1.9, 3], 0.5) == 0


# --- What comes from a page -------------------------------------------------------------------


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1, 3, "1", True, None, [1], {}])
def test_a_number_out_of_its_range_is_refused(bad: Any) -> None:
    with pytest.raises(RefusedError, match="lr"):
        Number("lr", "Rate", 0.1, 0, 2).accept(bad)


def test_a_whole_number_stays_whole() -> None:
    setting = Number("epochs", "Epochs", 3, 1, 9, whole=True)
    assert arguments({"epochs": setting.accept(4.0)}) == ["--epochs=4"]
    with pytest.raises(RefusedError, match="whole"):
        setting.accept(2.5)


@pytest.mark.parametrize("bad", ["", "c", 1, None, ["a"], "--data=/etc/passwd"])
def test_a_choice_that_is_none_is_refused(bad: Any) -> None:
    with pytest.raises(RefusedError, match="one of a, b"):
        Choice("which", "Which", "a", {"a": "A", "b": "B"}).accept(bad)


@pytest.mark.parametrize("lesson", LESSONS, ids=[one.title for one in LESSONS])
def test_a_lesson_knows_its_own_names_alone(lesson: Lesson) -> None:
    with pytest.raises(RefusedError, match="settings"):
        lesson.values({"data": "/etc/passwd"})
    with pytest.raises(RefusedError, match="no such question"):
        lesson.question("elsewhere")
    for _, question in (one for one in QUESTIONS if one[0] is lesson):
        for bad in ("elsewhere", None, 1.0, [], [1.0] * 51, [3.0] * 9):
            with pytest.raises(RefusedError, match="answer"):
                question.accept(bad)


@pytest.mark.parametrize("lesson", LESSONS, ids=[one.title for one in LESSONS])
def test_the_settings_of_every_card_exist(lesson: Lesson) -> None:
    for one in lesson.cards:
        if isinstance(one, (Choose, Draw)):
            assert all(lesson.values(dict(each.settings)) for each in one.tries)
    names = [one.name for _, one in QUESTIONS if _ is lesson]
    assert len(set(names)) == len(names)
    assert {type(one).__name__ for one in lesson.cards} >= {"See", "Do", "Choose", "Explain"}
    encode(lesson.plain())


# --- The verdict is that of the runs ----------------------------------------------------------

OTHERWISE = [
    (2, "small", Try("", {"lr": 0.03}), "no"),
    (2, "small", Try("", {"lr": 0.5}), "yes"),
    (2, "large", Try("", {"lr": 0.5, "epochs": 30}), "falls"),
    (2, "noise", Try("", {"noise": 0.0, "lr": 0.5}), "zero"),
    (2, "noise", Try("", {"noise": 0.5, "lr": 1.5}), "grows"),
    (3, "orbit", Try(), "falls"),
    (3, "orbit", Try("", {"lr": 1.9}, {"skip_zero_grad": True}), "swings"),
    (3, "orbit", Try("", {}, {"skip_zero_grad": True, "lr": 2.2}), "grows"),
    (3, "batches", Try("", {"batch": 5, "lr": 0.3, "iterations": 300}), "falls"),
    (4, "line", Try("", {"precision": "single"}), "single"),
    (4, "line", Try("", {"factor": 0.5}), "large"),
    (4, "mistake", Try("", {"factor": 1}), "same"),
    (4, "mistake", Try("", {"factor": -1}), "no"),
]


@pytest.mark.parametrize(("number", "name", "other", "truth"), OTHERWISE)
def test_another_run_another_truth(number: int, name: str, other: Try, truth: str) -> None:
    question, runs = answered(LESSONS[number - 1], name, other)
    given: Any = [1.0] * 9 if isinstance(question, Draw) else truth
    assert question.judge(given, runs)["truth"] == truth


@pytest.mark.parametrize("seed", [1, 2])
def test_what_lesson_three_claims_hangs_on_no_seed(seed: int) -> None:
    lesson = LESSONS[2]
    found: dict[str, str] = {}
    for name in ("orbit", "bounded", "batches", "place"):
        question = lesson.question(name)
        tries = [Try(o.label, o.settings | {"seed": seed}, o.knobs) for o in question.tries]
        _, runs = answered(lesson, name, *tries)
        found[name] = question.judge([1.0] * 13, runs)["truth"]
    wanted = {"orbit": "swings", "bounded": "without", "batches": "grows"}
    assert found == wanted | {"place": "before update"}


# --- The command ------------------------------------------------------------------------------


def test_the_lessons_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["learn", "--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed == [f"{n}  {one.title}: {one.about}" for n, one in enumerate(LESSONS, start=1)]


@pytest.mark.parametrize("given", [["99"], ["0"], ["1", "--host", "0.0.0.0"]])
def test_what_is_not_served(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["learn", "--no-browser", *given]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n  do:") == 1
