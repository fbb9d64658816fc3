"""Lesson 4: the loop in NumPy, every gradient by hand, in lockstep with PyTorch."""

from __future__ import annotations

import math

from fivestep.learn.cards import Choose, Do, Explain, See, Try, told
from fivestep.learn.heard import Heard
from fivestep.learn.lesson import Lesson
from fivestep.learn.settings import Choice, Number

SIZES = {
    "none": "None at all: they are equal to the last bit",
    "rounding": "Below 1e-12: the last digits of a double",
    "single": "Between 1e-12 and 1e-4",
    "large": "More than 1e-4",
}


def _apart(runs: list[Heard]) -> float:
    apart = runs[-1].number("largest_difference")
    if math.isnan(apart):
        raise ValueError("the script did not print its largest difference")
    return apart


def _size(runs: list[Heard]) -> str:
    apart = _apart(runs)
    if apart == 0:
        return "none"
    return "rounding" if apart < 1e-12 else "single" if apart < 1e-4 else "large"


def _size_words(runs: list[Heard]) -> str:
    run = runs[-1]
    return (
        f"The largest difference of any loss, gradient or parameter in {len(run.losses)} epochs was "
        f"{told(_apart(runs))}. The two do the same sums, not always in the same order, and each sum is "
        "rounded."
    )


def _network_words(runs: list[Heard]) -> str:
    return f"{_size_words(runs)} The chain rule, written out layer by layer, is all that `backward` does."


def _single_words(runs: list[Heard]) -> str:
    return (
        f"The largest difference was {told(_apart(runs))}. A float32 keeps about seven digits, and "
        "that is PyTorch's usual number. The difference is no mistake of either."
    )


def _mistaken(runs: list[Heard]) -> str:
    run = runs[-1]
    last = run.number("numpy_loss")
    if not last < run.first:
        return "no"
    return "same" if last <= 1.05 * run.number("torch_loss") else "slower"


def _mistaken_words(runs: list[Heard]) -> str:
    run = runs[-1]
    return (
        f"PyTorch ended at {told(run.number('torch_loss'))}, NumPy with its wrong gradient at "
        f"{told(run.number('numpy_loss'))}, from {told(run.first)}. The loss alone would not have told "
        f"you. The comparison does, in the first line that is printed: `{run.lines[0][:90]}`."
    )


FROM_SCRATCH = Lesson(
    title="From scratch",
    about="the same loop in NumPy, every gradient by hand, beside PyTorch",
    script="from_scratch.py",
    settings=(
        Choice("model", "Model", "line", {"line": "a line", "network": "a network, 1-8-1 with tanh"}),
        Choice(
            "precision", "PyTorch's numbers", "double",
            {"double": "float64, as NumPy's", "single": "float32, the usual"},
        ),
        Number("factor", "Gradient by hand, times", 1, -2, 2),
        Number("lr", "Rate (--lr)", 0.1, 0.001, 1, log=True),
        Number("epochs", "Epochs", 100, 1, 300, whole=True),
        Number("seed", "Seed", 0, 0, 9999, whole=True),
    ),
    cards=(
        See(
            "Two loops run in turn, line by line. The lines that end in `by_hand` are NumPy: no autograd, "
            "each derivative written out. Both begin with the same numbers.\n\nWhat the page lights and "
            "shows are the steps of PyTorch; the twin stands below each of them.",
            "source",
        ),
        Do(
            "Press **Iteration** three times. Each prints how far every loss, gradient and parameter of "
            "the two loops are apart.",
            verb="iteration", times=3, start={},
        ),
        See("There they are: the differences, number by number.", "output"),
        Choose(
            "line",
            "The line, 100 epochs, both in double precision: about 16 digits.",
            "How large is the largest difference of all?",
            SIZES, _size, _size_words, speed=None,
        ),
        Choose(
            "network",
            "Now a network with a hidden layer: 25 parameters, and `backward` has to come through a "
            "`tanh`.",
            "And there?",
            SIZES, _size, _network_words, tries=(Try("network", {"model": "network"}),), speed=None,
        ),
        Choose(
            "single",
            "PyTorch usually calculates with float32. Let it, and leave NumPy with float64.",
            "How large is the largest difference now?",
            SIZES, _size, _single_words, tries=(Try("float32", {"precision": "single"}),), speed=None,
        ),
        Choose(
            "mistake",
            "Say somebody forgets the factor 2 of the squared error: every gradient in NumPy is half of "
            "what it should be.",
            "Does the loop in NumPy still learn?",
            {
                "no": "No: its loss does not fall",
                "slower": "Yes, only slower",
                "same": "Yes, as fast as before",
            },
            _mistaken, _mistaken_words, tries=(Try("half", {"factor": 0.5}),), speed=None,
        ),
        Do(
            "Try other mistakes: set **Gradient by hand, times** to -1, or to 2, and press **Play**.",
            setting="factor", start={},
        ),
        Explain(
            "**`backward` is no magic.** It is the chain rule, walked from the loss to the front. And a "
            "loss that falls does not prove a gradient right: hold it against something that you know. "
            "The whole of the NumPy side is one file, `fivestep/scratch.py`."
        ),
    ),
)  # fmt: skip
