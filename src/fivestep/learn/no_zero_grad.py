"""Lesson 3: what zero_grad is for, what happens without it, and where it may stand."""

from __future__ import annotations

from fivestep.learn.cards import SHAPES, Choose, Do, Draw, Explain, See, Try, told
from fivestep.learn.heard import Heard, shape
from fivestep.learn.lesson import Lesson
from fivestep.learn.settings import Number

WITHOUT = {"skip_zero_grad": True}
PLACES = {
    "before forward": "Before the forward pass",
    "before loss": "Between forward and loss",
    "before backward": "Between loss and backward",
    "before update": "Between backward and the update",
    "after update": "After the update",
}
NEITHER = {
    "with": "The one with `zero_grad`", "without": "The one without",
    "both": "Both", "neither": "Neither",
}  # fmt: skip


def _gradient(run: Heard, iteration: int) -> float:
    """Of the weight, just before the update."""
    place = (iteration, "update")
    moments = (one for one in run.moments if (one["iteration"], one["step"]) == place)
    return float(next(moments)["parameters"][0]["gradient"][0])


def _second(runs: list[Heard]) -> str:
    with_it, without = runs
    first, second, found = _gradient(with_it, 1), _gradient(with_it, 2), _gradient(without, 2)
    wanted = {"new": second, "sum": first + second, "mean": (first + second) / 2}
    return min(wanted, key=lambda name: abs(wanted[name] - found))


def _second_words(runs: list[Heard]) -> str:
    with_it, without = runs
    return (
        f"Iteration 1 gave a gradient of {told(_gradient(with_it, 1))}. In iteration 2 the sound loop "
        f"found {told(_gradient(with_it, 2))}, and the loop without `zero_grad` "
        f"{told(_gradient(without, 2))}. `backward` adds to what stands in `.grad`."
    )


def _orbit_words(runs: list[Heard]) -> str:
    run = runs[0]
    late = run.course[len(run.course) // 2 :]
    return (
        f"In the second half it went to and fro between {told(min(late))} and {told(max(late))}; it "
        f"began at {told(run.first)}. Summed gradients keep their swing, like a ball in a bowl without "
        "friction: it passes the lowest point at full speed."
    )


def _bounded(runs: list[Heard]) -> str:
    with_it, without = (shape(run.course) != "grows" for run in runs)
    return {
        (True, True): "both", (True, False): "with", (False, True): "without",
        (False, False): "neither",
    }[with_it, without]  # fmt: skip


def _bounded_words(runs: list[Heard]) -> str:
    with_it, without = runs
    return (
        f"With `zero_grad` the loss went from {told(with_it.first)} to {told(with_it.last)}; without "
        f"it, never above {told(max(without.course))}. The orbit bears twice the rate that the sound "
        "loop does. So a curve that stays small proves nothing."
    )


def _batches(runs: list[Heard]) -> str:
    return shape(runs[0].course)


def _batches_words(runs: list[Heard]) -> str:
    run = runs[0]
    return (
        f"It began at {told(run.first)} and ended at {told(run.last)}, at its highest "
        f"{told(max(run.course))}. Every batch pushes in another direction, nothing brakes, and the "
        "swing gets wider."
    )


def _teaches_nothing(runs: list[Heard]) -> str:
    still = [place for place, run in zip(PLACES, runs, strict=True) if len(set(run.course)) == 1]
    return still[0]


def _places_words(runs: list[Heard]) -> str:
    learns = [run for run in runs if len(set(run.course)) > 1]
    alike = all(run.course == learns[0].course for run in learns)
    return (
        f"In {len(learns)} of the {len(runs)} places the loss ends at {told(learns[0].last)}, and the "
        f"curves are {'the same, number for number' if alike else 'not quite the same'}. "
        f"{PLACES[_teaches_nothing(runs)]}, the gradient is thrown away before it is used: the loss "
        f"stays at {told(runs[list(PLACES).index(_teaches_nothing(runs))].last)}."
    )


NO_ZERO_GRAD = Lesson(
    title="Without zero_grad",
    about="what the shortest of the five lines is for, and where it may stand",
    script="no_zero_grad.py",
    settings=(
        Number("lr", "Rate (--lr)", 0.1, 0.001, 2, log=True),
        Number("batch", "Points in a batch", 100, 1, 100, whole=True),
        Number("iterations", "Iterations", 60, 1, 1000, whole=True, log=True),
        Number("seed", "Seed", 0, 0, 9999, whole=True),
    ),
    cards=(
        See(
            "`backward` does not write the gradient: it **adds** it to what stands in `.grad`. So "
            "something must empty `.grad` in time. That is all `optimizer.zero_grad()` does.",
            "chips",
        ),
        Choose(
            "second",
            "Take `zero_grad` away. The first iteration leaves its gradient where it is.",
            "What stands in the weight's `.grad` after `backward` in iteration 2?",
            {
                "new": "The new gradient alone",
                "sum": "The new one and the one before, added",
                "mean": "The mean of the two",
            },
            _second, _second_words, speed=10.0,
            tries=(
                Try("with zero_grad", {"iterations": 2}),
                Try("without", {"iterations": 2}, WITHOUT),
            ),
        ),
        Do(
            "See it for yourself: tick **Leave zero_grad out** under *Change it while it runs*, then "
            "press **Iteration** a few times and watch the gradients.",
            knob="skip_zero_grad", start={},
        ),
        Draw(
            "orbit",
            "All 100 points in each iteration, a rate of 0.1, and no `zero_grad`: each update uses the "
            "sum of all gradients so far.",
            "What does the loss do in 60 iterations? Draw it.",
            span=60, points=13, words=_orbit_words, tries=(Try("without zero_grad", {}, WITHOUT),),
        ),
        Choose(
            "bounded",
            "A rate of 1.05 is a little too large for this line.",
            "Which loop stays bounded at a rate of 1.05?",
            NEITHER, _bounded, _bounded_words, speed=None,
            tries=(Try("with zero_grad", {"lr": 1.05}), Try("without", {"lr": 1.05}, WITHOUT)),
        ),
        Choose(
            "batches",
            "So far each iteration saw all points. Now only 2 of them, drawn anew each time, at a rate "
            "of 0.3, for 300 iterations, without `zero_grad`.",
            "What does the loss do?",
            {name: f"It {words}" for name, words in SHAPES.items()},
            _batches, _batches_words, speed=None,
            tries=(
                Try("batches of 2", {"batch": 2, "lr": 0.3, "iterations": 300}, WITHOUT),
            ),
        ),
        Do(
            "How would you notice it in a loop of your own? Tick **Leave zero_grad out** again, press "
            "**Play**, and let the run come to its end.",
            verb="end", start={},
        ),
        See(
            "The doctor has not looked at the curve. It saw that the gradient was not empty when "
            "`backward` began, and that nothing of it was meant.",
            "findings",
        ),
        Choose(
            "place",
            "People write `zero_grad` in different places. There are five of them in the loop.",
            "In one of them the model learns nothing at all. In which?",
            PLACES, _teaches_nothing, _places_words, speed=None,
            tries=tuple(
                Try(words, {"iterations": 30}, {"zero_grad_at": place})
                for place, words in PLACES.items()
            ),
        ),
        Explain(
            "**The law is not an order.** It is: gradients are empty when `backward` starts, unless you "
            "mean to collect several. Whoever keeps that may put `zero_grad` where they like; and "
            "whoever breaks it may see a loss that falls nicely for a while."
        ),
    ),
)  # fmt: skip
