"""Numbers of classes are learned as quantities: squared or absolute error on class indices.

*Why is this bad?*
The error says that class 1 lies between class 0 and class 2, and that mistaking 0 for 9 is far
worse than mistaking 8 for 9. Unsure between 0 and 9 the model answers 4, a class that it never
considered. And one output for several classes cannot say how sure it is of each.

*What to do*
One output for each class, and cross-entropy on the index:

    nn.Linear(hidden, classes)
    loss = F.cross_entropy(logits, labels)

*When it is wrong*
Targets that count or grade something are quantities though they are whole. They are told from
classes by the inputs: near grades have near inputs, neighbouring classes need not. Ratings from 1,
uneven counts, two classes, one-hot targets (the Brier score) are left alone.
"""

from __future__ import annotations

import linecache
import re
from collections import Counter
from collections.abc import Iterator

import torch
from torch import nn

from fivestep.finding import Fact, Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.reading import arguments, bare, is_name
from fivestep.vitals import Batch, Compare, Forward, LoaderFacts, Loss, Record, Site, TensorFacts
from fivestep.vitals.facts import Numbers

SEVERITY = Severity.SUSPICIOUS
NEEDS = ("loss",)
EXPLAINS = (
    "unreachable-target", "broadcast-metric", "collapsed-output", "flat-loss", "zigzag-loss",
    "diverging-loss", "dead-units", "vanishing-gradient", "tiny-update", "huge-update",
    "exploding-gradient",
)  # fmt: skip

ERRORS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
WITH_SIGMOID = "binary_cross_entropy_with_logits"
CLASSES = 3, 100  # fewest and most: two are a matter of taste (least squares), more are a quantity
BALANCED = (
    0.25  # rarest label to the commonest. Iris, wine, digits: over 0.65; Poisson counts: under 0.1
)
# From here the order of labels is one of the inputs too. Five to ten classes around random centres:
# under 0.6 in 93 to 100 % (three classes: 71 %); grades, counts, hours on a circle: 0.65 and more.
ORDERED = 0.6
APART = 0.5  # squared distance of centres to variance within. Digits: 1.5; curved quantities: 0.15
LEAST = 0.15  # the same where there is another sign
WORDS = 8  # different targets at least, before they can be words of a text
SEEN = 10  # of each word on average, in inputs and in targets
# Distance of the two distributions, half the sum of the differences. Letters of a text and the next
# letters, 30 batches of 32: 0.03 to 0.08; counts, highest or lowest of words: 0.4 and more.
ALIKE = 0.15
NAMES = {"load_iris": 3, "load_wine": 3, "load_digits": 10}  # of scikit-learn, and its classes
LABELS = re.compile(r"\.target\b|\[.target.\]|return_X_y")
UNUSED = re.compile(r",\s*_\w*\s*=[^=]")  # X, _ = load_iris(return_X_y=True)
# Words of programs that make grades of quantities: then the labels may be such grades.
GRADING = re.compile(
    r"bucketize|digitize|quantile|percentile|searchsorted|\bq?cut\(|KBins|rank|floor|argsort|//|"
    r"astype\(int|\.(?:int|long)\(\)\.float\(\)|\bsort|cumsum"
)
KNOWN = (  # data sets whose labels are names
    "MNIST", "FashionMNIST", "KMNIST", "EMNIST", "QMNIST", "CIFAR10", "CIFAR100", "SVHN", "STL10",
    "ImageFolder", "USPS",
)  # fmt: skip


def check(record: Record) -> Iterator[Finding]:
    """Targets are exactly the numbers 0 to C - 1, and nothing in the inputs follows their order."""
    trained = [(v, e) for v, e in record.events(Loss) if e.backward is not False and _compared(e)]
    for seen in sightings(trained):
        labels = _labels(seen)
        if labels is not None and (why := _why(seen, record, len(labels))):
            yield _say(seen, len(labels), why)
        elif labels is None and (words := _next_words(seen, record)):
            yield _say(seen, words, "the targets are the very numbers that the model embeds")


def _sides(loss: Loss) -> tuple[TensorFacts | None, TensorFacts | None]:
    first, second = loss.prediction, loss.target
    if (
        first is not None
        and second is not None
        and second.requires_grad
        and not first.requires_grad
    ):
        return second, first
    return first, second


def _compared(loss: Loss) -> bool:
    prediction, target = _sides(loss)
    if prediction is None or target is None or target.numbers is None:
        return False
    if prediction.numbers is not None and prediction.numbers.integers:
        return False  # an argmax is compared: whatever it is, it is no regression
    known = loss.function in ERRORS or loss.function == WITH_SIGMOID
    return known and prediction.requires_grad and not target.requires_grad


def _labels(seen: Sighting[Loss]) -> Counter[int] | None:
    """How often each label came; None if they are not 0 to C - 1, each about as often."""
    found: Counter[int] = Counter()
    for _, event in seen.events:
        target = _sides(event)[1]
        numbers = target.numbers if target is not None else None
        if numbers is None or not numbers.integers or numbers.counts is None:
            return None
        found.update({int(label): count for label, count in numbers.counts.items()})
    fewest, most = CLASSES
    if not fewest <= len(found) <= most or set(found) != set(range(len(found))):
        return None
    fewest, most = min(found.values()), max(found.values())
    return found if fewest + 2 * fewest**0.5 >= BALANCED * most else None  # chance aside


def _why(seen: Sighting[Loss], record: Record, classes: int) -> str:
    """What makes these labels names of classes and not quantities; "" for nothing."""
    last = seen.last
    if _columns(last) == classes:
        return f"the model has {classes} outputs, and all of them are compared with the same index"
    order, apart = _measured(seen)
    if last.function == WITH_SIGMOID:
        return "the sigmoid in the loss answers with 0 to 1 only"
    if _known(record.loaders) or _loaded(last.site, classes):
        return "the labels of this data set are names"
    signs = _stored_as_integers(seen, record) + _scored(record, classes)
    if not signs and _embeds(record, last.model):
        return ""  # words that come with a number say less of it than measured features
    if order is None or apart is None:
        return "they are integers that the program counts hits of" if signs == 2 else ""
    lumps = order <= ORDERED and apart > (LEAST if signs else APART)
    return "inputs of neighbouring labels are no nearer to each other" if lumps else ""


def _next_words(seen: Sighting[Loss], record: Record) -> int:
    """How many words there are, if the targets are words of the inputs, each as often as there.

    Of letters or words one comes much more often than another, and the next one is drawn as they
    are. A count, a sum, a rank of even numbers is spread otherwise, or evenly.
    """
    model = seen.last.model
    if not _embeds(record, model):
        return 0
    targets = [_sides(event)[1] for _, event in seen.events]
    aimed = _counted([one.numbers for one in targets if one is not None])
    given = [e.inputs[0] for _, e in record.events(Forward) if e.model == model and e.inputs]
    read = _counted([one.numbers for one in given if one.integral])
    if not WORDS <= len(aimed) <= len(read) or min(aimed.total(), read.total()) < SEEN * len(read):
        return 0
    fewest, most = min(aimed.values()), max(aimed.values())
    apart = sum(abs(aimed[k] / aimed.total() - read[k] / read.total()) for k in aimed | read) / 2
    return len(read) if apart < ALIKE and fewest < BALANCED * most else 0


def _counted(numbers: list[Numbers | None]) -> Counter[int]:
    """How often each whole number came; empty where some are not whole."""
    found: Counter[int] = Counter()
    for one in numbers:
        if one is None or not one.integers or one.counts is None:
            return Counter()
        found.update({int(label): count for label, count in one.counts.items()})
    return found


def _embeds(record: Record, model: int | None) -> bool:
    """The model looks its inputs up in a table: they are numbers of words."""
    if model is None:
        return False
    return any(kind == "Embedding" for _, kind in record.models[model].modules)


def _measured(seen: Sighting[Loss]) -> tuple[float | None, float | None]:
    """Order and distance of the labels in the inputs, from the last call that told."""
    told = [e for _, e in seen.events if e.label_order is not None]
    return (told[-1].label_order, told[-1].label_distance) if told else (None, None)


def _columns(loss: Loss) -> int:
    """Outputs of a sample that are compared with one target, 1 where the shapes agree."""
    prediction, target = _sides(loss)
    if prediction is None or target is None or len(prediction.shape) != 2:
        return 1
    single = target.shape in ((prediction.shape[0], 1), prediction.shape[:1])
    return prediction.shape[1] if single else 1


def _stored_as_integers(seen: Sighting[Loss], record: Record) -> bool:
    """The targets are integers where they come from, as the numbers of classes are."""
    target = _sides(seen.first)[1]
    if target is not None and target.integral:
        return True
    batches = [event for _, event in record.events(Batch) if event.loader == seen.first.loader]
    return any(
        len(event.tensors) > 1 and event.tensors[1].integral and len(event.tensors[1].shape) == 1
        for event in batches[:8]
    )


def _known(loaders: list[LoaderFacts]) -> bool:
    return any(loader.dataset in KNOWN for loader in loaders)


def _loaded(site: Site | None, classes: int) -> bool:
    """The file of the loss loads a data set of so many classes, takes its labels and grades nothing."""
    lines = linecache.getlines(site.file) if site is not None else []
    text = "".join(line.partition("#")[0] for line in lines)
    loads = [one for one in NAMES if re.search(rf"\b{one}\(", text)]
    known = len(loads) == 1 and NAMES[loads[0]] == classes
    return (
        known and bool(LABELS.search(text)) and not UNUSED.search(text) and not GRADING.search(text)
    )


def _scored(record: Record, classes: int) -> bool:
    """The program counts exact hits: whole numbers of this range are compared with ``==``."""
    for _, event in record.events(Compare):
        sides = [one.numbers for one in (event.left, event.right) if one is not None]
        whole = [one for one in sides if one is not None and one.integers]
        if len(whole) == 2 and any(one.highest == classes - 1 for one in whole):
            return True
    return False


def _say(seen: Sighting[Loss], classes: int, why: str) -> Finding:
    first, order = seen.first, _measured(seen)[0]
    prediction = _sides(first)[0]
    shape = prediction.shape if prediction is not None else ()
    evidence: dict[str, Fact] = {
        "labels": f"0 to {classes - 1}",
        "classes": classes,
        "prediction": str(shape),
    }
    if order is not None:
        evidence["order_of_labels_in_inputs"] = round(order, 2)
    return seen.finding(
        message=f"{first.function} on the numbers of {classes} classes: targets are "
        f"0 to {classes - 1}, prediction {shape}",
        cause=f"an error makes a quantity of a class index, and {why}",
        fix=f"end the model in {classes} outputs and use `F.cross_entropy({_given(seen)})`",
        evidence=evidence,
        confidence=0.9,
    )


def _given(seen: Sighting[Loss]) -> str:
    """What the loss is to be called with: the user's names without what made floats of classes."""
    names = [bare(one) for one in arguments(seen.first.site)]
    known = len(names) == 2 and all(is_name(one) for one in names)
    return f"{names[0]}, {names[1]}.long()" if known else "logits, labels.long()"


def sick(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1)))
    loss_fn, optimizer = practice.loss("mse_loss"), practice.optimizer(model)
    for inputs, targets in practice.classification(classes=8):
        prediction = model(inputs).squeeze(1)
        loss = loss_fn(prediction, targets.to(prediction.dtype))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1)))
    loss_fn, optimizer = practice.loss("mse_loss"), practice.optimizer(model)
    for inputs, _ in practice.classification(classes=4):
        grades = torch.bucketize(inputs[:, :1].float(), torch.tensor([-1.5, 0.0, 1.5]))
        loss = loss_fn(model(inputs), grades.to(inputs.dtype))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
