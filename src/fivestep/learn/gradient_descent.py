"""Lesson 2: gradient descent to play with, on a line from zero."""

from __future__ import annotations

from fivestep.learn.cards import Choose, Do, Draw, Explain, See, Try, told
from fivestep.learn.heard import Heard, shape
from fivestep.learn.lesson import Lesson
from fivestep.learn.settings import Number

NEAR = 1.05  # times the lowest loss that any line has


def _reached(runs: list[Heard]) -> str:
    share = runs[0].last / runs[0].number("loss")
    return "yes" if share < NEAR else "nearly" if share < 2 else "no"


def _reached_words(runs: list[Heard]) -> str:
    last, lowest = runs[0].last, runs[0].number("loss")
    return (
        f"After {len(runs[0].losses)} epochs the loss was {told(last)}; the best line has "
        f"{told(lowest)}. That is {told(last / lowest)} times as much."
    )


def _limit_words(runs: list[Heard]) -> str:
    run = runs[0]
    return (
        f"The loss went from {told(run.first)} to {told(run.last)}. The script prints the largest "
        f"rate that this data bears: {run.number('rate'):.3f}. Above it, each update lands farther "
        "up the other side of the valley than it stood before."
    )


def _fastest(runs: list[Heard]) -> str:
    epochs = [_epochs(run) for run in runs]
    return runs[epochs.index(min(epochs))].label.removeprefix("rate ")


def _epochs(run: Heard) -> int:
    """The first epoch that comes near the best line; a very late one if none does."""
    near = NEAR * run.number("loss")
    return next((i for i, loss in enumerate(run.course, start=1) if loss < near), 10**9)


def _fastest_words(runs: list[Heard]) -> str:
    said = [
        f"{run.label}: {'never' if _epochs(run) == 10**9 else f'in epoch {_epochs(run)}'}"
        for run in runs
    ]
    return (
        f"Within {NEAR - 1:.0%} of the lowest loss came {'; '.join(said)}. A larger rate is faster only "
        f"up to a point: close below the limit, {runs[0].number('rate'):.3f}, each update jumps across "
        "the valley, and little is won."
    )


def _floor(runs: list[Heard]) -> str:
    run = runs[0]
    if shape(run.course) == "grows":
        return "grows"
    return "zero" if run.last < 0.01 * run.first else "floor"


def _floor_words(runs: list[Heard]) -> str:
    run = runs[0]
    return (
        f"It ended at {told(run.last)}, and no straight line has less than {told(run.number('loss'))} "
        "on these points. What is left over is the noise: a loss above zero need not be a mistake "
        "of the training."
    )


GRADIENT_DESCENT = Lesson(
    title="Gradient descent",
    about="y = 0.8x + 0.5 from zero: the rate, the noise, the data in your own hands",
    script="gradient_descent.py",
    own_data=True,
    settings=(
        Number("lr", "Rate (--lr)", 0.1, 0.001, 2, log=True),
        Number("epochs", "Epochs", 200, 1, 1000, whole=True, log=True),
        Number("points", "Points", 50, 2, 200, whole=True),
        Number("noise", "Noise", 0.05, 0, 0.5),
        Number("seed", "Seed", 0, 0, 9999, whole=True),
    ),
    cards=(
        See(
            "Fifty points lie near the line y = 0.8x + 0.5. The model begins with a weight of 0 and "
            "a bias of 0: it predicts nothing but 0.\n\nEach epoch is one walk through the five "
            "steps, with all points at once. The equation shows how far both numbers go.",
            "equation",
        ),
        Do(
            "Press **Iteration** five times and watch the bias and the weight. Which of them moves "
            "faster at first?",
            verb="iteration", times=5, start={},
        ),
        See(
            "The same in two pictures. On the left are the points and the line that the model "
            "predicts now. On the right is the loss for every weight and bias: a valley, and the "
            "path of the model through it. Press **Iteration** again and watch both.",
            "learnt",
        ),
        Choose(
            "small",
            "A small rate is safe: every update goes downhill. The script does 200 epochs.",
            "At a rate of 0.03: has the line come near the best one by then?",
            {
                "yes": "Yes: its loss is within 5 % of the lowest",
                "nearly": "Nearly: less than twice the lowest",
                "no": "No: at least twice the lowest",
            },
            _reached, _reached_words, tries=(Try("rate 0.03", {"lr": 0.03}),), speed=None,
        ),
        Draw(
            "large",
            "And a large rate? At 0.85 each update takes away 0.85 times the gradient.",
            "What does the loss do in the first 30 epochs? Draw it.",
            span=30, words=_limit_words, tries=(Try("rate 0.85", {"lr": 0.85, "epochs": 30}),),
        ),
        See(
            "The limit can be known beforehand. The loss over weight and bias is a bowl; where it is "
            "steepest, its curvature says how far a step may go: less than **2 divided by the "
            "curvature**. The script prints both. Of a deep network nobody knows the curvature, "
            "and there the rate is found by trying.",
            "output",
        ),
        Choose(
            "fastest",
            "The limit of this data lies a little above 0.8.",
            "Which of these rates comes near the best line first?",
            {"0.1": "0.1", "0.4": "0.4", "0.8": "0.8", "0.82": "0.82"},
            _fastest, _fastest_words, speed=None,
            tries=tuple(Try(f"rate {rate}", {"lr": rate}) for rate in (0.1, 0.4, 0.8, 0.82)),
        ),
        Choose(
            "noise",
            "So far the points lay close to a line. Now the noise is 0.5 instead of 0.05.",
            "What does the loss do in 200 epochs at a rate of 0.5?",
            {
                "zero": "It falls to almost nothing, under 1 % of its start",
                "floor": "It falls to a floor and stays there",
                "grows": "It grows",
            },
            _floor, _floor_words, tries=(Try("noise 0.5", {"noise": 0.5, "lr": 0.5}),), speed=None,
        ),
        Do(
            "Now **your own data**. Press a few points into the field, or type them, or take a CSV; "
            "then press **Use these points** and **Play**. What the script prints at its end is true "
            "of your points, too.",
            verb="points", start={},
        ),
        Do(
            "Find the largest rate that your points bear: read what the script prints, set a rate "
            "just below it, play, and then one just above.",
            setting="lr",
        ),
        Explain(
            "**Gradient descent** takes one step against the slope, and looks again. The rate is the "
            "length of the step: too small and it takes for ever, too large and it runs away. In "
            "between, what is left of the loss is what the model cannot know."
        ),
    ),
)  # fmt: skip
