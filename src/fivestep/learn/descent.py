"""Lesson 8: momentum, Adam, schedules, and the rate by factors of ten, in a long valley."""

from __future__ import annotations

import math

from fivestep.learn.cards import Choose, Do, Explain, See, Try, told
from fivestep.learn.heard import Heard
from fivestep.learn.lesson import Lesson
from fivestep.learn.settings import Choice, Given, Number

RATES = ("0.001", "0.01", "0.1", "1")
WAYS = {"sgd": "Plain SGD", "momentum": "SGD with momentum 0.9", "adam": "Adam"}
CLEARLY = 1.5  # times: ends that are not farther apart are told as alike
NOISY: dict[str, Given] = {"noise": 1.0, "batch": 5, "epochs": 30}


def above(run: Heard) -> float:
    """How far above the lowest possible loss a run ends; infinite where it is no number."""
    rest = run.number("possible")
    return abs(rest) if math.isfinite(rest) else math.inf


def lowest(runs: list[Heard]) -> str:
    """The label of the run that ends lowest."""
    return min(runs, key=above).label


def ends(runs: list[Heard]) -> str:
    """Where each run ends, in words."""
    said = (told(above(one)) if math.isfinite(above(one)) else "no number" for one in runs)
    pairs = ", ".join(f"{far} ({one.label})" for one, far in zip(runs, said, strict=True))
    return f"So far above the lowest possible loss they end: {pairs}."


def _rates(runs: list[Heard]) -> str:
    return (
        f"{ends(runs)} From one rate to the next is a factor of ten, and the curve tells which "
        "neighbour to try: too flat, go up; it jumps, go down. Only then are finer steps worth it."
    )


def second(runs: list[Heard]) -> str:
    """How the second run ends beside the first."""
    plain, other = map(above, runs)
    if CLEARLY * other < plain:
        return "lower"
    return "higher" if other > CLEARLY * plain else "alike"


def _momentum(runs: list[Heard]) -> str:
    return (
        f"{ends(runs)} Momentum 0.9 adds up about ten steps in one direction. Along the valley, "
        "where all gradients agree, it goes ten times as far; across it, where they turn, they "
        "take each other away."
    )


def _adam(runs: list[Heard]) -> str:
    return (
        f"{ends(runs)} Adam divides each gradient by its usual size, so a step is about as long as "
        "the rate, for each weight. A rate that was right for SGD says nothing about Adam: each "
        "has its own."
    )


def _stretched(runs: list[Heard]) -> str:
    return (
        f"{ends(runs)} The second weight has to go from 0 to 20. SGD sees next to no slope there; "
        "momentum adds it up; Adam goes about a rate in each step, 60 times 0.1, so it comes to "
        "6 or so, whatever the slope."
    )


def _schedule(runs: list[Heard]) -> str:
    return (
        f"{ends(runs)} Batches of 5 point each in another direction. A high rate is quickly near "
        "the bottom, and then jumps about there; a low one is calm, and late. A schedule begins high "
        "and ends low."
    )


def _by_rate(optimizer: str) -> tuple[Try, ...]:
    return tuple(Try(f"rate {one}", {"optimizer": optimizer, "lr": float(one)}) for one in RATES)


DESCENT = Lesson(
    title="Momentum, Adam, schedules",
    about="ways down the same valley, and the rate by factors of ten",
    script="descent.py",
    settings=(
        Choice("optimizer", "Optimizer", "sgd", {"sgd": "SGD", "momentum": "SGD, momentum 0.9", "adam": "Adam"}),
        Number("lr", "Rate (--lr)", 0.1, 1e-4, 10, log=True),
        Choice("schedule", "Schedule", "none", {"none": "none", "cosine": "cosine", "steps": "a tenth, twice"}),
        Number("stretch", "Length to width of the valley", 5, 1, 50),
        Number("noise", "Noise", 0, 0, 5),
        Number("batch", "Batch, of 100 points", 100, 1, 100, whole=True),
        Number("epochs", "Epochs", 60, 1, 300, whole=True),
        Number("seed", "Seed", 0, 0, 9999, whole=True),
    ),
    cards=(
        Explain(
            "Two weights, and a loss that is a valley: steep across, gentle along. Long valleys are "
            "what makes training slow, in large models too.\n\nThe weights begin at 0 and 0. The "
            "bottom lies at 1 and 5: five times as far along the valley as across it.",
        ),
        Do(
            "Press **Play**, and compare the two weights that the script prints at its end. One is "
            "at its place, the other still on its way.",
            verb="end", start={},
        ),
        Choose(
            "rates",
            "Plain SGD, 60 epochs, each with all points in one batch.",
            "Which rate ends lowest?",
            {f"rate {one}": one for one in RATES}, lowest, _rates, tries=_by_rate("sgd"), speed=None,
        ),
        Choose(
            "momentum",
            "With momentum an update goes along a running sum of gradients: "
            "`sum = 0.9 * sum + gradient`. The rate is 0.01 with it and without it.",
            "Where does SGD with momentum end?",
            {"lower": "Clearly lower", "alike": "About the same", "higher": "Clearly higher"},
            second, _momentum,
            tries=(
                Try("without", {"lr": 0.01}), Try("with momentum", {"lr": 0.01, "optimizer": "momentum"}),
            ),
            speed=None,
        ),
        Do(
            "Watch it roll. Set **Optimizer** to `SGD, momentum 0.9` and play: it goes past the "
            "bottom and comes back.",
            setting="optimizer", start={},
        ),
        See("The loss goes up now and then, though all points are in each batch: that is the swing.", "loss"),
        Choose(
            "adam",
            "Now Adam, with the same four rates.",
            "Which rate ends lowest?",
            {f"rate {one}": one for one in RATES}, lowest, _adam, tries=_by_rate("adam"), speed=None,
        ),
        Choose(
            "stretched",
            "The valley is made twenty times as long as wide: the second weight has to go to 20. "
            "All three at a rate of 0.1.",
            "Which one ends lowest after 60 epochs?",
            WAYS, lambda runs: lowest(runs), _stretched,
            tries=tuple(Try(one, {"optimizer": one, "stretch": 20.0}) for one in WAYS), speed=None,
        ),
        Choose(
            "schedule",
            "Noise on the points, and batches of 5. A schedule changes the rate on the way: `cosine` "
            "brings it from 0.1 down to 0 along half a wave.",
            "Which one ends nearest to the lowest possible loss?",
            {"rate 0.1": "A rate of 0.1 throughout", "rate 0.01": "A rate of 0.01 throughout", "cosine": "From 0.1 to 0"},
            lowest, _schedule,
            tries=(
                Try("rate 0.1", NOISY), Try("rate 0.01", NOISY | {"lr": 0.01}),
                Try("cosine", NOISY | {"schedule": "cosine"}),
            ),
            speed=None,
        ),
        Do(
            "Your turn: noise 1, batches of 5. Choose optimizer, rate and schedule, and get nearer to "
            "the lowest possible loss than anything so far.",
            verb="settings", start=NOISY,
        ),
        Explain(
            "**What to take along.** Look for the rate first, by factors of ten, and again for each "
            "optimizer. Momentum and Adam make long valleys short. A schedule that ends low takes "
            "away what the noise of the batches leaves.\n\nThat is all of it: five steps, one rate, "
            "and looking closely at what they do. `fivestep step` shows this page for a script of "
            "your own.",
        ),
    ),
)  # fmt: skip
