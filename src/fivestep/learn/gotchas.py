"""Lesson 6: six mistakes that PyTorch does not complain of, each planted and found."""

from __future__ import annotations

import math
from statistics import fmean

from fivestep.learn.cards import Choose, Do, Explain, See, Try, told
from fivestep.learn.heard import Heard
from fivestep.learn.lesson import Lesson
from fivestep.learn.settings import Choice, Number

END = 20  # iterations: an epoch
ALIKE = 1.5  # times: ends that are not farther apart are told as alike
NUMBERS = {"task": "numbers"}
ENDS = {
    "alike": "It ends about as low as without the mistake",
    "higher": "It falls by more than half, but ends clearly higher",
    "stuck": "It falls by less than half",
    "climbs": "It ends above its start, or is no number any more",
}


def end(run: Heard) -> float:
    """The mean loss of the last epoch."""
    return fmean(run.course[-END:])


def ending(runs: list[Heard]) -> str:
    """Tell how the loss of the second run ends, beside the first."""
    right, wrong = runs
    if not end(wrong) <= wrong.first:
        return "climbs"
    if end(wrong) > wrong.first / 2:
        return "stuck"
    return "alike" if end(wrong) < ALIKE * end(right) else "higher"


def ends(runs: list[Heard]) -> str:
    """The mean losses of both, in words."""
    right, wrong = (told(end(run)) if math.isfinite(end(run)) else "no number" for run in runs)
    return f"In its last epoch the right loop stands at {right}, the other at {wrong}."


def doctor(run: Heard) -> str:
    """What the doctor said of a run."""
    if not run.findings:
        return "The doctor found nothing."
    told_already = {part["rule"] for one in run.findings for part in one["consequences"]}
    one = next(one for one in run.findings if one["rule"] not in told_already)
    return f"The doctor names `{one['rule']}` in line {one['line']}: {one['message']}. Its advice: {one['fix']}."


def _forgotten(runs: list[Heard]) -> str:
    return (
        f"{ends(runs)} Each update goes along the sum of all gradients so far, the old ones "
        f"included. {doctor(runs[1])}"
    )


def _broadcast(runs: list[Heard]) -> str:
    return (
        f"{ends(runs)} 20 predictions below each other and 20 targets beside each other make 400 "
        "differences, each prediction against each target. What is best against all of them is "
        f"their mean, for whatever input. {doctor(runs[1])}"
    )


def _softmax(runs: list[Heard]) -> str:
    return (
        f"{ends(runs)} `CrossEntropyLoss` takes the softmax itself. Of numbers between 0 and 1 its "
        f"softmax is never sure: with three classes this loss cannot go below {told(floor(3))}. "
        f"{doctor(runs[1])}"
    )


def floor(classes: int) -> float:
    """The lowest cross-entropy of what has been through a softmax: ln(e + C - 1) - 1."""
    return math.log(math.e + classes - 1) - 1


def _rate(runs: list[Heard]) -> str:
    return (
        f"{ends(runs)} Each update jumps over the valley and lands higher up on the other side, "
        f"where the slope is steeper still. {doctor(runs[1])}"
    )


def figure(runs: list[Heard]) -> str:
    """Tell whether the model is worse, or the figure alone."""
    right, wrong = runs
    if end(wrong) > ALIKE * end(right):
        return "model"
    worse = wrong.number("validation") > 1.1 * right.number("validation")
    return "figure" if worse else "neither"


def _mode(runs: list[Heard]) -> str:
    figures = " and ".join(told(run.number("validation")) for run in runs)
    return (
        f"{ends(runs)} The validation losses are {figures}: in train mode dropout still leaves out "
        f"a fifth of the units, so the figure is that of another model. {doctor(runs[1])}"
    )


def _held(runs: list[Heard]) -> str:
    return (
        f"{ends(runs)} The new layer gets gradients and nobody applies them: it keeps the random "
        f"weights it was made with, and the layer before it must make do. {doctor(runs[1])}"
    )


def _pair(**mistake: str | float) -> tuple[Try, Try]:
    settings = {name: value for name, value in mistake.items() if name == "task"}
    return Try("right", dict(settings)), Try("with the mistake", dict(mistake))


GOTCHAS = Lesson(
    title="Six gotchas",
    about="mistakes that raise no error: plant each, predict what it does, let the doctor find it",
    script="gotchas.py",
    settings=(
        Choice("task", "Task (--task)", "classes", {"classes": "three classes", "numbers": "a number"}),
        Choice("zero_grad", "zero_grad()", "called", {"called": "called", "forgotten": "forgotten"}),
        Choice("shape", "Targets of a number", "column", {"column": "[N, 1], a column", "row": "[N], a row"}),
        Choice("softmax", "Softmax before cross-entropy", "no", {"no": "no", "yes": "yes"}),
        Number("lr", "Rate (--lr)", 0.1, 0.001, 10, log=True),
        Choice("eval", "eval() in validation", "called", {"called": "called", "forgotten": "forgotten"}),
        Choice("head", "Last layer", "held", {"held": "held by the optimizer", "unheld": "new, held by nobody"}),
        Number("epochs", "Epochs", 10, 1, 50, whole=True),
        Number("seed", "Seed", 0, 0, 9999, whole=True),
    ),
    cards=(
        Explain(
            "The worst mistakes in a training loop raise no error. The script runs, the loss is a "
            "number, and something is learned, only not what you meant.\n\nThe script here is "
            "sound. Six of its settings plant a mistake, in real code: find the lines where they do. "
            "The **doctor** listens to the loop and names what it hears.",
        ),
        Do(
            "First without a mistake. Press **Play** and let the script come to its end. The "
            "doctor has nothing to say.",
            verb="end", start={},
        ),
        Choose(
            "zero_grad",
            "**One.** `optimizer.zero_grad()` is forgotten. PyTorch adds each new gradient to what "
            "is there.",
            "What does the training loss do, in batches of 20 at a rate of 0.1?",
            ENDS, ending, _forgotten, tries=_pair(zero_grad="forgotten"), speed=None,
        ),
        Do(
            "See it happen. The mistake is planted: press **Play**, read the finding, and look at the "
            "line it names. Then mend it: set **zero_grad()** back to `called`, and play again.",
            setting="zero_grad", start={"zero_grad": "forgotten"},
        ),
        See("The findings stand here, each with its line, its numbers and the way to mend it.", "findings"),
        Choose(
            "shape",
            "**Two.** The script predicts a number. Its predictions have the shape `[20, 1]`, the "
            "targets `[20]`. PyTorch makes them fit, as it does whenever it can. (`nn.MSELoss` would "
            "print a warning; here the loss is written by hand, and nobody warns.)",
            "What does the training loss do?",
            ENDS, ending, _broadcast, tries=_pair(shape="row", **NUMBERS), speed=None,
        ),
        Choose(
            "softmax",
            "**Three.** The model ends in a softmax, so that its outputs are probabilities. They go "
            "into `CrossEntropyLoss`.",
            "What does the training loss do?",
            ENDS, ending, _softmax, tries=_pair(softmax="yes"), speed=None,
        ),
        Choose(
            "rate",
            "**Four.** A slip of a factor of ten: the rate is 1 and not 0.1. The script predicts a "
            "number.",
            "What does the training loss do?",
            ENDS, ending, _rate, tries=_pair(lr=1.0, **NUMBERS), speed=None,
        ),
        Choose(
            "eval",
            "**Five.** Before the validation nobody calls `model.eval()`. There is `torch.no_grad()`, "
            "and there is a `Dropout` in the model.",
            "What is worse after ten epochs?",
            {
                "figure": "The validation loss that is printed; training goes as well as before",
                "model": "The model: its training loss, too, is clearly higher",
                "neither": "Neither: `no_grad` switches dropout off",
            },
            figure, _mode, tries=_pair(eval="forgotten"), speed=None,
        ),
        Choose(
            "head",
            "**Six.** The optimizer is made from `model.parameters()`. After that the last layer is "
            "replaced by a new one.",
            "What does the training loss do?",
            ENDS, ending, _held, tries=_pair(head="unheld"), speed=None,
        ),
        Do(
            "Now plant two at once under **Settings**, and play. Does the doctor find both?",
            verb="end", start={},
        ),
        Explain(
            "**What the six have in common.** No error, and a curve that looks like a hard task or "
            "a rate that should be tuned. Four of the six fall, and that is why they live long.\n\n"
            "So look at what does not depend on the curve: is the gradient empty before `backward`? "
            "Are both shapes equal? What goes into the loss? Which mode is the model in? Does the "
            "optimizer hold every parameter? `fivestep run train.py` asks this of your own script.",
        ),
    ),
)  # fmt: skip
