"""Lesson 1: the five steps, one at a time, on a line."""

from __future__ import annotations

from typing import Any

from fivestep.learn.cards import Choose, Do, Draw, Explain, See, Try, told
from fivestep.learn.heard import Heard
from fivestep.learn.lesson import Lesson
from fivestep.learn.settings import Number
from fivestep.page.protocol import Message

STEPS = {
    "forward": "`prediction = model(x)`",
    "loss": "`loss = loss_fn(prediction, y)`",
    "zero_grad": "`optimizer.zero_grad()`",
    "backward": "`loss.backward()`",
    "update": "`optimizer.step()`",
}
RATES = ("0.01", "0.1", "0.5", "1.2")


def _moves(moment: Message) -> bool:
    return any(one["after"] not in (None, one["before"]) for one in moment["parameters"])


def _mover(runs: list[Heard]) -> str:
    return next(one["step"] for one in runs[0].moments if _moves(one))


def _mover_words(runs: list[Heard]) -> str:
    step = _mover(runs)
    moved = next(one for one in runs[0].moments if _moves(one))
    first = moved["parameters"][0]
    before, after = first["before"][0], first["after"][0]
    return (
        f"In iteration {moved['iteration']} the first {first['name']} went from {told(before)} to "
        f"{told(after)}, and that was {STEPS[step]}. The other four only prepare it."
    )


def _weight(runs: list[Heard]) -> tuple[float, float, float]:
    updates = (one for one in runs[0].moments if one["step"] == "update")
    weight: dict[str, Any] = next(updates)["parameters"][0]
    return weight["before"][0], weight["gradient"][0], weight["after"][0]


def _way(runs: list[Heard]) -> str:
    before, _, after = _weight(runs)
    return "up" if after > before else "down" if after < before else "still"


def _way_words(runs: list[Heard]) -> str:
    before, gradient, after = _weight(runs)
    return (
        f"The gradient of the weight was {told(gradient)}. The update took away rate times "
        f"gradient: `{told(before)} - 0.1 * {told(gradient)} = {told(after)}`. A gradient points "
        "uphill, so the step goes the other way."
    )


def _fall_words(runs: list[Heard]) -> str:
    run = runs[0]
    tenth = run.losses[10] / run.first
    return (
        f"It began at {told(run.first)}, stood at {tenth:.0%} of that in iteration 10 and ended at "
        f"{told(run.last)}: fast at first, then ever slower, for the slope gets smaller on the way down."
    )


def _best(runs: list[Heard]) -> str:
    return min(zip(RATES, runs, strict=True), key=lambda pair: pair[1].last)[0]


def _best_words(runs: list[Heard]) -> str:
    ends = ", ".join(f"{told(run.last)} at {rate}" for rate, run in zip(RATES, runs, strict=True))
    return (
        f"The last losses: {ends}. Too small a rate hardly moves; too large a one jumps over the "
        "valley, and lands higher up on the other side."
    )


FIVE_STEPS = Lesson(
    title="The five steps",
    about="one line, y = 2x + 1, and the loop that every training script is",
    script="five_steps.py",
    settings=(
        Number("lr", "Rate (--lr)", 0.1, 0.001, 2, log=True),
        Number("epochs", "Epochs", 30, 1, 200, whole=True),
        Number("seed", "Seed", 0, 0, 9999, whole=True),
    ),
    cards=(
        See(
            "On this page runs a real PyTorch script. You see its text, and it waits before its "
            "first step.\n\nFive lines of it are the loop: `forward`, `loss`, `zero_grad`, "
            "`backward`, `update`. Whatever you train later, a line or a language model, it is "
            "these five again and again.",
            "chips",
        ),
        Do(
            "Press **Step** five times and read the line that is lit each time. What it has just "
            "computed stands beside it.",
            verb="step", times=5, start={},
        ),
        Choose(
            "mover",
            "The script wants to know two numbers: a weight, which should become 2, and a bias, "
            "which should become 1. It begins with random ones.",
            "Which of the five lines changes them?",
            STEPS, _mover, _mover_words, tries=(Try(settings={"epochs": 2}),), speed=5.0,
        ),
        See(
            "Here is that change as an equation: what the parameter was, minus the rate times its "
            "gradient, is what it becomes. The bars are the gradients.",
            "equation",
        ),
        Choose(
            "way",
            "`loss.backward()` works out the slope of the loss for each parameter, and puts it into "
            "`.grad`. Say the gradient of the weight is negative: a larger weight would make the "
            "loss smaller.",
            "What does the first update do with the weight?",
            {"up": "It gets larger", "down": "It gets smaller", "still": "It stays as it is"},
            _way, _way_words, tries=(Try(settings={"epochs": 2}),), speed=5.0,
        ),
        Draw(
            "fall",
            "Thirty epochs at a rate of 0.1. The loss begins where the first point stands.",
            "How does it go on? Draw it.",
            span=30, words=_fall_words,
        ),
        Choose(
            "rate",
            "The rate says how far each update goes.",
            "With which rate is the loss smallest after 30 epochs?",
            {rate: rate for rate in RATES}, _best, _best_words,
            tries=tuple(Try(f"rate {rate}", {"lr": float(rate)}) for rate in RATES), speed=None,
        ),
        Do(
            "Your turn. Set another rate under **Settings** and begin anew, or turn the rate while "
            "the script runs. Can you find one at which the loss neither falls nor grows?",
            setting="lr", knob="lr", start={},
        ),
        Explain(
            "**The law of the loop.** The model predicts, the loss says how wrong it was, "
            "`zero_grad` empties the gradients, `backward` fills them, `step` moves the parameters "
            "against them.\n\nNo more happens in any training. What follows in the next lessons is "
            "how far to step, what to step on, and what goes wrong when one of the five is missing "
            "or stands in the wrong place.",
        ),
    ),
)  # fmt: skip
