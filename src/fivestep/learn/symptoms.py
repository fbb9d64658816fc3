"""Lesson 7: six symptoms, each made to happen, and mended by the change that the runs prefer."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import fmean

from fivestep.learn.cards import Choose, Do, Explain, See, Try, told
from fivestep.learn.heard import Heard
from fivestep.learn.lesson import Lesson
from fivestep.learn.settings import Choice, Given, Number

END = 10  # losses at the end whose mean is compared
CLEARLY = 0.8  # of the next best: otherwise no change has mended it clearly
Settings = dict[str, Given]

ZIGZAG: Settings = {"loss": "absolute", "hidden": 0, "batch": 100, "lr": 0.6}
FLAT: Settings = {"hidden": 6, "unit": "sigmoid", "lr": 0.05}
NO_NUMBER: Settings = {"gaps": "kept"}
RISES: Settings = {"zero_grad": "forgotten", "lr": 0.002}
BY_HEART: Settings = {
    "points": 16, "noise": 0.5, "width": 100, "optimizer": "adam", "lr": 0.02, "batch": 4,
    "epochs": 150, "seed": 1,
}  # fmt: skip
SLOW: Settings = {"lr": 1e-6}


def end(run: Heard) -> float:
    """The mean of the last losses; infinite where one is no number."""
    mean = fmean(run.course[-END:])
    return mean if math.isfinite(mean) else math.inf


def held(run: Heard) -> float:
    """The last validation loss; infinite where it is no number."""
    last = run.number("validation")
    return last if math.isfinite(last) else math.inf


def best(measure: Callable[[Heard], float]) -> Callable[[list[Heard]], str]:
    """The run that ends clearly lowest, by its label; ``none`` if no run does."""

    def label(runs: list[Heard]) -> str:
        first, second = sorted(runs, key=measure)[:2]
        return first.label if measure(first) < CLEARLY * measure(second) else "none"

    return label


def compared(
    measure: Callable[[Heard], float], what: str, why: str
) -> Callable[[list[Heard]], str]:
    """Words: where each run ends, and the reason."""

    def words(runs: list[Heard]) -> str:
        ends = ", ".join(
            f"{told(measure(run)) if math.isfinite(measure(run)) else 'no number'} with {run.label}"
            for run in runs
        )
        return f"{what}: {ends}. {why}"

    return words


def mend(
    name: str, symptom: Settings, changes: dict[str, Settings], why: str,
    measure: Callable[[Heard], float] = end, what: str = "The last losses",
) -> Choose:  # fmt: skip
    """Which change mends it? Each is really made, and the runs decide."""
    answers = {label: label[0].upper() + label[1:] for label in changes}
    return Choose(
        name,
        "Each of these changes is made for itself, and the script run with it.",
        "Which one mends it?",
        answers | {"none": "None of them, clearly"},
        best(measure), compared(measure, what, why),
        tries=tuple(Try(label, symptom | change) for label, change in changes.items()), speed=None,
    )  # fmt: skip


def show(symptom: Settings, text: str) -> Do:
    """Make it happen."""
    return Do(f"{text} Press **Play** and watch it happen.", verb="end", start=symptom)


SYMPTOMS = Lesson(
    title="Symptoms",
    about="six ways for a loss to look wrong: make each happen, then mend it",
    script="symptoms.py",
    settings=(
        Number("lr", "Rate (--lr)", 0.1, 1e-6, 10, log=True),
        Number("batch", "Batch", 20, 1, 200, whole=True),
        Number("hidden", "Hidden layers", 2, 0, 8, whole=True),
        Number("width", "Units in each", 32, 1, 200, whole=True),
        Choice("unit", "Unit", "tanh", {"tanh": "tanh", "relu": "ReLU", "sigmoid": "sigmoid"}),
        Choice("loss", "Loss", "squared", {"squared": "squared error", "absolute": "absolute error"}),
        Choice("zero_grad", "zero_grad()", "called", {"called": "called", "forgotten": "forgotten"}),
        Choice("gaps", "Missing values", "dropped", {"dropped": "left out", "kept": "kept"}),
        Number("points", "Points", 100, 8, 400, whole=True),
        Number("noise", "Noise", 0.2, 0, 2),
        Choice("optimizer", "Optimizer", "sgd", {"sgd": "SGD", "adam": "Adam"}),
        Number("epochs", "Epochs", 60, 1, 400, whole=True),
        Number("seed", "Seed", 0, 0, 9999, whole=True),
    ),
    cards=(
        Explain(
            "A sick training shows a symptom, and one symptom has several causes. Here you make "
            "each of six happen on purpose, guess which change mends it, and the runs decide.\n\n"
            "The script fits a wave with noise on it. As it stands, it is sound.",
        ),
        show({}, "**Sound.** The loss falls, quickly at first and then slowly, and stays down."),
        show(
            ZIGZAG,
            "**The loss zig-zags.** A straight line, all points in one batch, the absolute error, "
            "and a rate of 0.6.",
        ),
        mend(
            "zigzag", ZIGZAG,
            {
                "a tenth of the rate": {"lr": 0.06},
                "three times the epochs": {"epochs": 180},
                "twice the points": {"points": 200, "batch": 200},
            },
            "Each update jumps over the minimum to the other side, and the next one back. To go on "
            "longer is to jump more often; a shorter step lands nearer.",
        ),
        show(
            FLAT,
            "**The loss does not fall.** Six hidden layers, each with a sigmoid at its end.",
        ),
        mend(
            "flat", FLAT,
            {
                "ReLU for the sigmoid": {"unit": "relu"},
                "three times the epochs": {"epochs": 180},
                "a tenth of the rate": {"lr": 0.005},
            },
            "The slope of a sigmoid is a quarter at most. On its way back through six of them the "
            "gradient shrinks to next to nothing, so the first layers do not learn.",
        ),
        See(
            "Look for it where the layers stand: the strip shows how far each layer moves with an "
            "update. When a gradient vanishes, the first layers stay behind.",
            "layers",
        ),
        show(
            NO_NUMBER,
            "**The loss becomes NaN.** One of the measurements is missing, and it stands in the "
            "data as NaN.",
        ),
        mend(
            "nan", NO_NUMBER,
            {
                "a tenth of the rate": {"lr": 0.01},
                "missing values left out": {"gaps": "dropped"},
                "ReLU for tanh": {"unit": "relu"},
            },
            "One NaN in a batch makes its loss NaN, the gradients, and with one update every weight. "
            "The doctor names the first place where it comes in. Other causes of NaN: a rate far "
            "too high, the logarithm of 0, a division by 0.",
        ),
        show(
            RISES,
            "**The loss falls, then climbs, and comes again.** The rate is small, 0.002, and "
            "`zero_grad` is forgotten. It falls faster than it should.",
        ),
        mend(
            "rises", RISES,
            {
                "a tenth of the rate": {"lr": 0.0002},
                "gradients cleared": {"zero_grad": "called"},
                "ten times the rate": {"lr": 0.02},
            },
            "Gradients that are added up drive on where the slope has long turned, as a ball rolls "
            "through the valley and up the other side. At a smaller rate it rolls as well, only "
            "more slowly.",
        ),
        show(
            BY_HEART,
            "**Training good, validation bad.** 16 points, much noise, and two layers of 100 units. "
            "Compare the two numbers in each line that the script prints.",
        ),
        mend(
            "by_heart", BY_HEART,
            {
                "more points": {"points": 200, "batch": 50},
                "twice the epochs": {"epochs": 300},
                "twice the units": {"width": 200},
            },
            "The network has learned 16 points by heart, noise and all. What helps is what makes "
            "that harder: more data, a smaller network, an earlier end.",
            held, "The last validation losses",
        ),
        show(
            SLOW,
            "**Too slow.** The rate is a millionth. The loss does fall: look at its numbers.",
        ),
        mend(
            "slow", SLOW,
            {
                "twice the epochs": {"epochs": 120},
                "two more layers": {"hidden": 4},
                "a rate of 0.1": {"lr": 0.1},
            },
            "The direction is right, and each step is far too short. Try rates by factors of ten: "
            "the next lesson does.",
        ),
        Do(
            "Find a symptom of your own: change one setting of the sound script, and say beforehand "
            "what you expect.",
            verb="settings", start={},
        ),
        Explain(
            "**From symptom to cause.** Zig-zags: the rate is too high. Does not fall: no gradient "
            "arrives, or the rate is far too low. NaN: the data, a logarithm, or the rate. Falls and "
            "climbs: gradients that are not cleared, or a rate too high by a little. Validation "
            "bad: learned by heart.\n\nA curve alone seldom decides. Change **one** thing at a "
            "time, keep the seed, and let a run decide.",
        ),
    ),
)  # fmt: skip
