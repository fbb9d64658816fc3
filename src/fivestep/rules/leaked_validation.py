"""Rows of the validation data are in the training data.

*Why is this bad?*
The model is asked what it has been told. The score says how well it remembers and nothing about
data that it has not seen; early stopping and the choice of the best model follow that score.

*What to do*
Split once, before anything else, and let no row be on both sides:

    train_data, val_data = random_split(dataset, [0.8, 0.2])

Remove duplicates and oversample only after the split, in the training part.

*When it is wrong*
Scoring the training data itself is common and is not named: only data that the program calls
validation or test, or an evaluation of which one part was trained on and the other was not. Data
whose rows are often alike by nature is left alone, and so is the beginning of a training, before
all of its rows were seen. Augmented copies are not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch
from torch import nn

from fivestep.finding import Finding, Severity, argument, source
from fivestep.practice import Practice
from fivestep.vitals import PassFacts, Record, Site

SEVERITY = Severity.SUSPICIOUS
NEEDS = ("evaluation",)
EXPLAINS = ()

ROWS = 16  # of an evaluation at least
SHARED = 8  # of these at least: fewer may be natural duplicates
NAMED = 0.1  # share of rows that were trained on, of data that is called validation or test
MIXED = (
    0.05,
    0.95,
)  # the same, of data that has no such name: below chance, above the training data
SPARE = 3.0  # equal pairs of rows added to those seen, which chance may hide, of whole numbers
UNLIKE = 0.5  # the same of other numbers
COPIES = 2.0  # of each shared row, on average, where rows were multiplied before the split
RARE = 0.5  # share of the different training rows at most that are of a class with copies
RARE_ROWS = 16  # different rows with copies at least, all of such a class: by chance 0.5 ** 16
# The rarest class to the commonest. 1,200 tables balanced before a split at random: 0.85 at least.
BALANCE = 0.75
# As COPIES, the same tables: where the class was a tenth of them, 1.72 at least; a fifth, 1.18; a
# third, 1.0. 1,920 tables with rows measured again whatever their class: none has the other signs.
RARE_COPIES = 1.2
# Every class drawn again, until all are as frequent (400 of each, out of 212 and 357). 1,920 tables
# of 150 to 2,000 rows, made so and split at random: EVEN or more in 97 %, AGAIN in all (0.18).
EVEN = 0.9  # as BALANCE
AGAIN = 0.1  # share of the rows of the commonest class that came oftener than others of it
# Copies of a row in the rarest class above those in the commonest, in standard errors. The median of
# those tables: 8 where a fifth of 300 rows is rare, 5 where a third is. 38,400 tables with rows measured
# again whatever their class, one to thirty times, and EVEN and AGAIN all the same: 3.49 at most.
UNEVEN = 3.5
MARGIN = 2.0  # times what nature explains; 600 random rows of 6 to 13 bits: up to 1.91
WHOLE = 0.98  # share of the training rows that it holds: from here on it evaluates everything

HELD_OUT = re.compile(
    r"(^[xy]?|[^a-z])(val|valid|validate|validation|test|testing|te|dev|eval|holdout|held_?out|unseen)"
    r"(?=[^a-z]|$|loader|set|data|dl|ds)"
)
TRAINING = re.compile(r"train|(^[xy]?|[^a-z])(fit|tr)([^a-z]|$)")


def check(record: Record) -> Iterator[Finding]:
    """An evaluation meets rows that its model was trained on before."""
    for passes in _groups(record):
        first = next((one for one in passes if one.complete), passes[-1])
        later = next((one for one in passes if one.complete and one.settled), first)
        name = held_out(record, first.loader, first.names, first.site)
        sound = _sound(first) or (bool(name) and _evened_out(first))
        if name and sound and _named(first):
            yield _say(first, name, len(passes))
        elif not name and _sound(later) and _mixed(later) and not later.picked:
            yield _say(later, name, len(passes))


def _groups(record: Record) -> list[list[PassFacts]]:
    """Evaluations of one model on the same data, as far as one can tell them apart."""
    groups: dict[tuple[object, ...], list[PassFacts]] = {}
    for one in record.passes:
        data = (one.loader,) if one.loader is not None else (one.site, one.names)
        groups.setdefault((one.model, *data), []).append(one)
    return list(groups.values())


def _sound(one: PassFacts) -> bool:
    """Enough rows, and more of them shared than rows that are alike by nature explain.

    Of N values equally likely, n rows hold about n * n / 2N equal pairs and share n * trained / N.
    """
    if one.rows < ROWS or one.shared < SHARED:
        return False
    pairs = one.rows - one.distinct + (SPARE if one.whole else UNLIKE)
    by_nature = 2 * pairs * one.trained / one.rows
    return one.shared > MARGIN * by_nature or _multiplied(one)


def _multiplied(one: PassFacts) -> bool:
    """Part of the rows are there again and again (oversampled), the others once.

    Only where no rows are alike by nature: a column has a value of its own in each of them.
    """
    fresh = one.rows - one.shared
    several = one.covered >= SHARED and one.shared >= COPIES * one.covered
    copied = several or _one_class(one)
    return one.continuous and copied and fresh >= max(SHARED, NAMED * one.rows)


def _one_class(one: PassFacts) -> bool:
    """Only rows of a rare class have copies, and with them it is as frequent as the others."""
    rare = 0 < one.alike <= RARE and one.balance >= BALANCE
    enough = one.covered >= RARE_ROWS and one.shared >= RARE_COPIES * one.covered
    return rare and enough and one.complete


def _evened_out(one: PassFacts) -> bool:
    """Rows of all classes have copies, the more the rarer the class, and so all are as frequent.

    Of rows measured again some classes may have more too, but then they are as much more frequent.
    """
    enough = one.rows >= ROWS and one.shared >= SHARED and one.complete
    copied = one.alone and one.continuous and one.again >= AGAIN
    return enough and copied and one.balance >= EVEN and one.uneven >= UNEVEN


def _named(one: PassFacts) -> bool:
    return one.shared >= NAMED * one.rows


def _mixed(one: PassFacts) -> bool:
    """Part of it was trained on and part was not, and it is not simply all that there is.

    Where each epoch makes its rows anew (noise, mixup), the training data itself looks like that:
    some rows come out as they were.
    """
    share = one.shared / one.rows
    part = MIXED[0] <= share <= MIXED[1] and one.rows - one.shared >= SHARED
    known = one.complete and one.settled
    return part and known and one.floating and one.covered < WHOLE * one.trained


def held_out(
    record: Record, loader: int | None, variables: tuple[str, ...], site: Site | None
) -> str:
    """The name under which the program holds this data out; "" if there is none.

    Args:
        record: the run.
        loader: the one that the data came from, None if it came from none.
        variables: names that the data is known to have.
        site: where the model was given it.
    """
    if loader is not None:
        names = [*record.loaders[loader].names, _looped(record, loader)]
    else:
        names = [*variables, argument(site, "")]
    plain = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in names]
    if any(TRAINING.search(name) for name in plain):
        return ""
    return next((name for name, one in zip(names, plain, strict=True) if HELD_OUT.search(one)), "")


def _looped(record: Record, loader: int) -> str:
    """What stands behind ``in`` in the line that goes through it."""
    found = re.search(r"\bin\s+(.+?):?\s*$", source(record.loaders[loader].site))
    return found.group(1) if found else ""


def _say(one: PassFacts, name: str, times: int) -> Finding:
    share = one.shared / one.rows
    called = f"`{name}`" if name else "the data of this evaluation"
    return Finding(
        message=f"{one.shared} of {one.rows} rows of {called} were trained on ({share:.0%})",
        cause="the same rows are on both sides of the split: the parts overlap, "
        "or rows are there twice",
        fix="split once and without overlap: `torch.utils.data.random_split(dataset, [0.8, 0.2])`; "
        "drop duplicates before",
        evidence={
            "shared_rows": one.shared,
            "evaluation_rows": one.rows,
            "training_rows": one.trained,
            "called": name,
        },
        site=one.site,
        iteration=one.iteration,
        count=times,
        confidence=0.95,
    )


def sick(practice: Practice) -> None:
    x, y = _table(practice)
    size, model = practice.batch_size, practice.model(nn.Linear(6, 1))
    loss_fn, optimizer = practice.loss("mse_loss"), practice.optimizer(model)
    x_train, y_train, x_val, y_val = x[: 6 * size], y[: 6 * size], x[4 * size :], y[4 * size :]
    for number in range(practice.updates * practice.accumulate):
        batch = slice(number % 6 * size, (number % 6 + 1) * size)
        loss = loss_fn(model(x_train[batch]), y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        loss_fn(model(x_val), y_val)


def healthy(practice: Practice) -> None:
    x, y = _table(practice)
    size, model = practice.batch_size, practice.model(nn.Linear(6, 1))
    loss_fn, optimizer = practice.loss("mse_loss"), practice.optimizer(model)
    x_train, y_train, x_val, y_val = x[: 6 * size], y[: 6 * size], x[6 * size :], y[6 * size :]
    for number in range(practice.updates * practice.accumulate):
        batch = slice(number % 6 * size, (number % 6 + 1) * size)
        loss = loss_fn(model(x_train[batch]), y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        loss_fn(model(x_val), y_val)


def _table(practice: Practice) -> tuple[torch.Tensor, torch.Tensor]:
    """Different rows, ten batches of them."""
    x = torch.randn(10 * practice.batch_size, 6)
    return practice.cast(x), practice.cast(x[:, :1] - 0.5 * x[:, 1:2])
