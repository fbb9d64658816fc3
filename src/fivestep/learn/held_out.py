"""Lesson 5: batches and epochs, training and validation, both modes, and learning by heart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median

from fivestep.learn.cards import Choose, Do, Draw, Explain, See, Try, told
from fivestep.learn.heard import Heard, shape
from fivestep.learn.lesson import Lesson
from fivestep.learn.settings import Number

RISEN = 1.15  # times its lowest value: a curve that ends there has climbed again
FALLEN = 0.9  # of its first value: before that it must have fallen
STOPS = {"early": (1, 25), "middle": (26, 75), "late": (76, 149), "end": (150, 150)}


def dips(losses: Sequence[float]) -> str:
    """Say what a curve does, as ``heard.shape``; ``dips`` if it falls and then climbs."""
    if len(losses) < 3 or not all(map(math.isfinite, losses)):
        return shape(losses)
    low, late = min(losses), median(losses[-max(1, len(losses) // 10) :])
    if low < FALLEN * losses[0] and late > RISEN * low and late < 2 * losses[0]:
        return "dips"
    return shape(losses)


def _updates(runs: list[Heard]) -> str:
    return str(len(runs[0].course))


def _updates_words(runs: list[Heard]) -> str:
    epochs = len(runs[0].printed("epoch"))
    each = len(runs[0].course) // epochs
    return (
        f"It made {len(runs[0].course)} updates: {epochs} epochs of {each} batches each. An epoch "
        "has all 16 points in it, and each batch is one run through the five steps."
    )


def restless(run: Heard) -> float:
    """How far the loss jumps from one iteration to the next, in its own mean, late in the run."""
    late = run.course[len(run.course) // 2 :]
    jumps = (abs(after - before) for before, after in pairwise(late))
    return fmean(jumps) / fmean(late)


def _roughest(runs: list[Heard]) -> str:
    return max(runs, key=restless).label


def _roughest_words(runs: list[Heard]) -> str:
    jumps = ", ".join(f"{restless(run):.0%} ({run.label})" for run in runs)
    epochs = " and ".join(str(len(run.printed("epoch"))) for run in runs)
    return (
        f"From one iteration to the next the loss jumps by so much of its own size: {jumps}. The "
        "loss of a batch is that of its few points, and they differ. Both runs made "
        f"{len(runs[0].course)} updates; those are {epochs} epochs."
    )


def lowest(run: Heard) -> tuple[int, float]:
    """The epoch with the lowest validation loss, and that loss."""
    validation = run.printed("validation")
    low = min(validation)
    return validation.index(low) + 1, low


def _both(run: Heard) -> str:
    epoch, low = lowest(run)
    training, validation = run.printed("training"), run.printed("validation")
    return (
        f"In epoch {epoch} it stood at {told(low)}, its lowest, and at {told(validation[-1])} in the "
        f"end. The training loss fell in that time from {told(training[epoch - 1])} to "
        f"{told(training[-1])}."
    )


def _drawn_words(runs: list[Heard]) -> str:
    return (
        f"{_both(runs[0])} The network is large enough to learn each of 16 points by heart, with "
        "the noise on it. Of the wave it then knows less than before."
    )


def stop(runs: list[Heard]) -> str:
    """When the validation loss was lowest."""
    epoch, _ = lowest(runs[0])
    return next(name for name, (first, last) in STOPS.items() if first <= epoch <= last)


def _stop_words(runs: list[Heard]) -> str:
    return f"{_both(runs[0])} To stop there, or to keep the weights of that epoch, is called early stopping."


def _helps(runs: list[Heard]) -> str:
    return min(runs, key=lambda run: run.number("validation")).label


def _helps_words(runs: list[Heard]) -> str:
    ends = ", ".join(f"{told(run.number('validation'))} ({run.label})" for run in runs)
    return (
        f"The last validation losses: {ends}. The noise alone costs about 0.25, whatever is "
        "learned. Data helps most where it can be had: nobody learns 200 noisy points by heart so easily."
    )


def modes(runs: list[Heard]) -> str:
    """In which mode the same point got two answers."""
    differ = [name for name in ("train", "eval") if _differ(runs[0], name)]
    return {0: "neither", 1: differ[0] if differ else "", 2: "both"}[len(differ)]


def _answers(run: Heard, mode: str) -> list[str]:
    line = next(one for one in run.lines if f", {mode} mode" in one)
    return line.rpartition(": ")[2].split(" and ")


def _differ(run: Heard, mode: str) -> bool:
    return len(set(_answers(run, mode))) > 1


def _modes_words(runs: list[Heard]) -> str:
    train, evaluation = (" and ".join(_answers(runs[0], mode)) for mode in ("train", "eval"))
    return (
        f"In train mode the answers were {train}, in eval mode {evaluation}. In train mode dropout "
        "leaves out other units each time; in eval mode it leaves out none. So `model.train()` "
        "stands before the training and `model.eval()` before the validation."
    )


HELD_OUT = Lesson(
    title="Seen and not seen",
    about="batches and epochs, training and validation, both modes, and learning by heart",
    script="held_out.py",
    settings=(
        Number("points", "Points to train on", 16, 4, 400, whole=True),
        Number("batch", "Points in a batch", 4, 1, 400, whole=True),
        Number("epochs", "Epochs", 150, 1, 400, whole=True),
        Number("hidden", "Units in a layer", 100, 1, 300, whole=True),
        Number("dropout", "Dropout", 0, 0, 0.9),
        Number("lr", "Rate (--lr)", 0.02, 0.0001, 0.5, log=True),
        Number("seed", "Seed", 1, 0, 9999, whole=True),
    ),
    cards=(
        Explain(
            "So far all points went through the five steps at once. Mostly there are too many for "
            "that, so they come in **batches**. Once through all of them is an **epoch**.\n\n"
            "Here 16 points of a wave, with much noise on them, come in batches of 4.",
        ),
        Choose(
            "updates",
            "Ten epochs.",
            "How many updates does the script make?",
            {"10": "10", "40": "40", "160": "160"}, _updates, _updates_words,
            tries=(Try(settings={"epochs": 10}),), speed=None,
        ),
        Choose(
            "rough",
            "The loss that you see in an iteration is the loss of that batch alone.",
            "With which batch does the loss jump about more, late in the run?",
            {"1 point": "One point in a batch", "16 points": "All 16 points in a batch"},
            _roughest, _roughest_words,
            tries=(
                Try("1 point", {"batch": 1, "epochs": 10, "lr": 0.005}),
                Try("16 points", {"batch": 16, "epochs": 160, "lr": 0.005}),
            ),
            speed=None,
        ),
        See(
            "After each epoch the script asks 200 more points of the same wave: the **validation**. "
            "No update ever sees them. Look for `model.eval()` and `torch.no_grad()` in the source: "
            "there is no `backward` below them.",
            "source",
        ),
        Draw(
            "held",
            "The network has two layers of 100 units, for 16 points. Its training loss will fall "
            "for 150 epochs.",
            "What does the validation loss do meanwhile? Draw it.",
            span=150, words=_drawn_words, speed=None, printed="validation", shape=dips,
        ),
        Do(
            "Watch both. Press **Play**: what the script prints has the two losses of each epoch, and "
            "the picture beside it draws them.",
            verb="end", start={},
        ),
        Choose(
            "stop",
            "Only the validation tells how good the network is on what it has not seen.",
            "When should this training have been stopped?",
            {
                "early": "In the first 25 epochs", "middle": "Between epoch 26 and 75",
                "late": "Between epoch 76 and 149", "end": "Not before epoch 150",
            },
            stop, _stop_words, speed=None, printed="validation",
        ),
        See(
            "The doctor has seen it as well: it compares every evaluation with the training loss of "
            "the same time, and names `overfitting` when the run is over.",
            "findings",
        ),
        Choose(
            "helps",
            "Three remedies, each for itself, for 60 epochs.",
            "Which one brings the last validation loss lowest?",
            {
                "200 points": "200 points instead of 16", "4 units": "4 units in a layer instead of 100",
                "dropout": "Dropout of 0.3",
            },
            _helps, _helps_words,
            tries=(
                Try("200 points", {"points": 200, "batch": 50, "epochs": 60}),
                Try("4 units", {"hidden": 4, "epochs": 60}),
                Try("dropout", {"dropout": 0.3, "epochs": 60}),
            ),
            speed=None, printed="validation",
        ),
        Choose(
            "modes",
            "Dropout leaves out three of ten units, by lot. At its end the script asks the network "
            "about one point twice in train mode, and twice in eval mode.",
            "In which mode do the two answers differ?",
            {"train": "In train mode", "eval": "In eval mode", "both": "In both", "neither": "In neither"},
            modes, _modes_words, tries=(Try(settings={"dropout": 0.3, "epochs": 20}),), speed=None,
        ),
        Do(
            "Your turn: under **Settings**, find a network and a number of points whose validation "
            "loss does not climb.",
            verb="settings", start={},
        ),
        Explain(
            "**Two losses, two questions.** The training loss says whether the five steps work. The "
            "validation loss says whether what is learned holds elsewhere. Where they part, the "
            "network learns by heart.\n\nBefore training: `model.train()`. Before validation: "
            "`model.eval()`, and `torch.no_grad()`, which saves work and is no mode.",
        ),
    ),
)  # fmt: skip
