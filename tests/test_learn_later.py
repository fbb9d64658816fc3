"""What lessons 5 to 8 claim beyond their questions, held against runs of their scripts."""

from __future__ import annotations

import math

import pytest
import torch
from test_learn import answered
from test_learn import ran as in_detail

from fivestep.learn.cards import Choose, Try
from fivestep.learn.descent import DESCENT, above
from fivestep.learn.gotchas import GOTCHAS, doctor, end, ending, floor
from fivestep.learn.heard import Heard, turns
from fivestep.learn.held_out import HELD_OUT, dips, lowest, restless, stop
from fivestep.learn.lesson import Lesson
from fivestep.learn.settings import Given
from fivestep.learn.symptoms import BY_HEART, FLAT, NO_NUMBER, RISES, SLOW, SYMPTOMS, ZIGZAG
from fivestep.page.stage import SHARE


def ran(lesson: Lesson, asked: Try) -> Heard:
    """A run as fast as it goes, as in all questions of these lessons."""
    return in_detail(lesson, asked, share=SHARE)


def rules(run: Heard) -> set[str]:
    """What the doctor named, without what follows from something else that it named."""
    so = {part["rule"] for one in run.findings for part in one["consequences"]}
    return {one["rule"] for one in run.findings} - so


# --- Lesson 5 ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_sixteen_points_are_learned_by_heart(seed: int) -> None:
    run = ran(HELD_OUT, Try(settings={"seed": seed}))
    epoch, low = lowest(run)
    assert epoch < 75
    assert run.number("validation") > 1.15 * low
    assert run.number("training") < 0.5 * run.printed("training")[epoch - 1]
    assert rules(run) == {"overfitting"}


def test_two_hundred_points_are_not() -> None:
    run = ran(HELD_OUT, Try(settings={"points": 200, "batch": 50}))
    _, low = lowest(run)
    assert run.number("validation") < 1.15 * low
    assert run.number("validation") > 0.2, "the noise is not to be learned"
    assert rules(run) == set()


@pytest.mark.parametrize(
    ("lowest_at", "when"),
    [(1, "early"), (25, "early"), (26, "middle"), (100, "late"), (149, "late"), (150, "end")],
)
def test_the_place_to_stop_is_where_validation_is_lowest(lowest_at: int, when: str) -> None:
    run = Heard()
    for epoch in range(1, 151):
        validation = 1 + abs(epoch - lowest_at)
        run.take({"kind": "output", "text": f"epoch {epoch:3}  validation {validation}"})
    assert lowest(run) == (lowest_at, 1)
    assert stop([run]) == when


def test_one_point_in_a_batch_is_rougher() -> None:
    question, runs = answered(HELD_OUT, "rough")
    assert isinstance(question, Choose)
    assert restless(runs[0]) > 3 * restless(runs[1])


@pytest.mark.parametrize(
    ("losses", "what"),
    [
        ([1, 0.6, 0.7, 0.9], "dips"), ([1, 0.5, 0.3, 0.2], "falls"), ([1, 1, 1, 1], "stays"),
        ([1, 0.8, 3, 9], "grows"), ([1, 0.5, math.nan], "grows"), ([1, 0.95, 1, 1], "stays"),
    ],
)  # fmt: skip
def test_dips(losses: list[float], what: str) -> None:
    assert dips(losses) == what


def test_without_dropout_both_modes_answer_alike() -> None:
    question, runs = answered(HELD_OUT, "modes", Try(settings={"epochs": 2}))
    assert isinstance(question, Choose)
    assert question.truth(runs) == "neither"


# --- Lesson 6 ---------------------------------------------------------------------------------

MISTAKES: dict[str, tuple[dict[str, Given], str]] = {
    "zero_grad": ({"zero_grad": "forgotten"}, "stale-gradient"),
    "shape": ({"task": "numbers", "shape": "row"}, "broadcast-loss"),
    "softmax": ({"softmax": "yes"}, "probabilities-as-logits"),
    "rate": ({"task": "numbers", "lr": 1.0}, "huge-update"),
    "eval": ({"eval": "forgotten"}, "train-mode-evaluation"),
    "head": ({"head": "unheld"}, "unheld-parameter"),
}


@pytest.mark.parametrize("seed", [0, 4])
@pytest.mark.parametrize("name", list(MISTAKES))
def test_each_mistake_is_found_and_nothing_else(name: str, seed: int) -> None:
    settings, rule = MISTAKES[name]
    run = ran(GOTCHAS, Try(settings=settings | {"seed": seed}))
    assert rules(run) == {rule}
    assert f"`{rule}`" in doctor(run)


@pytest.mark.parametrize("task", ["numbers", "classes"])
@pytest.mark.parametrize("seed", [0, 4])
def test_without_a_mistake_nothing_is_found(task: str, seed: int) -> None:
    run = ran(GOTCHAS, Try(settings={"task": task, "seed": seed}))
    assert rules(run) == set()
    assert doctor(run) == "The doctor found nothing."


def test_four_of_the_six_fall() -> None:
    runs = {name: ran(GOTCHAS, Try(settings=settings)) for name, (settings, _) in MISTAKES.items()}
    fall = {name for name, run in runs.items() if end(run) < run.first}
    assert fall == {"shape", "softmax", "eval", "head"}


def test_two_mistakes_are_both_found() -> None:
    run = ran(GOTCHAS, Try(settings={"eval": "forgotten", "head": "unheld"}))
    assert rules(run) == {"train-mode-evaluation", "unheld-parameter"}


def test_the_floor_of_a_second_softmax() -> None:
    sure = torch.eye(3)
    loss = torch.nn.functional.cross_entropy(sure, torch.arange(3))
    assert floor(3) == pytest.approx(loss.item())


def test_a_rate_ten_times_too_high_is_fine_for_the_other_task() -> None:
    right, other = ran(GOTCHAS, Try()), ran(GOTCHAS, Try(settings={"lr": 1.0}))
    assert ending([right, other]) == "alike"


# --- Lesson 7 ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symptom", "rule"),
    [
        ({}, None), (ZIGZAG, "zigzag-loss"), (FLAT, "vanishing-gradient"),
        (NO_NUMBER, "nonfinite-input"), (RISES, "stale-gradient"), (BY_HEART, "overfitting"),
        (SLOW, "tiny-update"),
    ],
    ids=["sound", "zigzag", "flat", "nan", "rises", "by heart", "slow"],
)  # fmt: skip
def test_a_symptom_is_named(symptom: dict[str, Given], rule: str | None) -> None:
    assert rules(ran(SYMPTOMS, Try(settings=symptom))) == ({rule} if rule else set())


@pytest.mark.parametrize("name", ["zigzag", "flat", "nan", "rises", "by_heart", "slow"])
def test_what_mends_it_leaves_nothing_to_be_found(name: str) -> None:
    question, runs = answered(SYMPTOMS, name)
    assert isinstance(question, Choose)
    truth = question.truth(runs)
    assert truth != "none"
    mended = next(run for run in runs if run.label == truth)
    assert rules(mended) == set()


def test_without_zero_grad_it_falls_faster_at_first_and_comes_again() -> None:
    _, (_, called, _) = answered(SYMPTOMS, "rises")
    forgotten = ran(SYMPTOMS, Try(settings=RISES))
    assert sum(forgotten.course[5:15]) < 0.8 * sum(called.course[5:15])
    falls = forgotten.printed("training")
    low = falls.index(min(falls[:10]))
    assert max(falls[low : low + 10]) > 1.5 * falls[low]
    assert turns(falls, 0.2 * falls[0]) >= 4


# --- Lesson 8 ---------------------------------------------------------------------------------


def test_the_weights_end_where_the_valley_is_lowest() -> None:
    run = ran(DESCENT, Try(settings={"optimizer": "momentum", "epochs": 300}))
    assert above(run) < 1e-6
    assert run.number("weights") == pytest.approx(1, abs=1e-3)
    assert run.number("and") == pytest.approx(5, abs=1e-3)


def test_adam_goes_about_a_rate_in_each_step() -> None:
    run = ran(DESCENT, Try(settings={"optimizer": "adam", "stretch": 20.0}))
    assert 5 < run.number("and") <= 6


@pytest.mark.parametrize("seed", [1, 2])
def test_a_schedule_ends_lowest_with_other_noise(seed: int) -> None:
    question, _ = answered(DESCENT, "schedule", Try(settings={"epochs": 1}))
    assert isinstance(question, Choose)
    tries = [Try(one.label, one.settings | {"seed": seed}) for one in question.tries]
    assert question.truth([ran(DESCENT, one) for one in tries]) == "cosine"
