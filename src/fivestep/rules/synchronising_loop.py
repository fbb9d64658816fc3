"""Every iteration reads a number from the accelerator, and waits until it is there.

*Why is this bad?*
Python prepares the next operations while the accelerator works on the last ones. ``.item()``,
``print`` and ``.cpu()`` need a finished number: Python stops until everything before it is done,
and then the accelerator stands still until Python has caught up.

*What to do*
Keep the number where it is and read it seldom:

    total += loss.detach()
    if iteration % 100 == 0:
        print(total.item())

*When it is wrong*
Reading a number every now and then, in an evaluation, or once in a long iteration costs next to
nothing and is not named; nor is the read that a ``GradScaler`` has to make.

Source: https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from statistics import median

import torch
from torch import nn

from fivestep.finding import Finding, Severity, source
from fivestep.practice import Practice
from fivestep.vitals import Backward, Read, Record, Scale, Site, Vitals

SEVERITY = Severity.COSTLY
EXPLAINS = ()

SHARE = 0.9  # of the training iterations: every one, but for a first or a last
ITERATIONS = 16  # fewer are no loop
LONG = 0.1  # seconds; in longer iterations a read is taken to cost little: chosen, not measured


def unchecked(record: Record) -> str:
    """Without an accelerator there is nothing to wait for."""
    return "" if record.count(Read) or _accelerated(record) else "nothing ran on an accelerator"


def check(record: Record) -> Iterator[Finding]:
    """One line of the training loop reads from the accelerator in nearly every iteration."""
    trained = [one for one in record.iterations if any(True for _ in one.of(Backward))]
    total = sum(one.repeats for one in trained)
    if total < ITERATIONS or _seconds(trained) > LONG:
        return
    times: Counter[Site | None] = Counter()
    first: dict[Site | None, tuple[Vitals, Read]] = {}
    for vitals in trained:
        for site, read in _reads(vitals).items():
            times[site] += vitals.repeats
            first.setdefault(site, (vitals, read))
    found = [site for site, count in times.items() if count >= SHARE * total]
    if found:
        yield _say(found, *first[found[0]], times[found[0]], total)


def _reads(vitals: Vitals) -> dict[Site | None, Read]:
    """The lines that read in this iteration; a scaler's own read is none of the user's."""
    scaling = {one.site for one in vitals.of(Scale)}
    return {one.site: one for one in vitals.of(Read) if one.site not in scaling}


def _seconds(trained: list[Vitals]) -> float:
    known = [one.seconds for one in trained if one.seconds is not None]
    return median(known) if known else 0.0


def _accelerated(record: Record) -> bool:
    return any(not one.device.startswith(("cpu", "meta")) for one in record.parameters)


def _say(found: list[Site | None], vitals: Vitals, read: Read, count: int, total: int) -> Finding:
    line = source(read.site)
    more = f" and {len(found) - 1} more lines" if len(found) > 1 else ""
    return Finding(
        message=f"{count} of {total} iterations wait for the {read.device} device: "
        f"{read.function}{more}",
        cause=f"{read.function} needs a finished number: "
        "Python stops until the device has done all that came before",
        fix=(f"in `{line}` keep the tensor" if line else "keep the tensor")
        + " (`loss.detach()`) and read it once in 100 iterations",
        evidence={
            "function": read.function,
            "device": read.device,
            "lines": len(found),
            "iterations": total,
            "share_of_iterations": round(count / total, 3),
        },
        site=read.site,
        iteration=vitals.iteration,
        count=count,
        confidence=0.9,
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer, total = practice.optimizer(model), 0.0
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += practice.far(loss).item()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer, total = practice.optimizer(model), torch.zeros(())
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += practice.far(loss)
    practice.far(total).item()
