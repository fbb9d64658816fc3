"""The last window of an epoch is thrown away, or carried into the next one.

*Why is this bad?*
With accumulation an epoch seldom holds a whole number of windows. When its last batches see no
update, their gradients were computed for nothing, or they are added to the first window of the next
epoch, whose update is then too long.

*What to do*
Update at the end of the epoch too:

    if number % window == 0 or number == len(loader):
        optimizer.step()
        optimizer.zero_grad()

*When it is wrong*
A counter that goes on from epoch to epoch keeps every window whole and is not named, nor are
windows that differ in size anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, receiver
from fivestep.practice import Practice
from fivestep.vitals import Backward, Batch, EpochEnd, Record, Update, Vitals

SEVERITY = Severity.COSTLY
WITHOUT = {"accumulate": "the windows of this variant would be windows of windows"}

USUAL = 0.6  # share of the updates with the usual window, for there to be one
# The same where every odd window follows the end of an epoch. Two windows in an epoch and the rest
# thrown away: each epoch but the first begins with an odd one, so it is a little over a half.
AT_EPOCHS = 0.5
AGAIN = 2  # odd windows of one size: no DataLoader tells the ends, or each epoch has one window

Seen = tuple[Vitals, Update]


def check(record: Record) -> Iterator[Finding]:
    """After each epoch comes one window that has more backwards than all the others."""
    for optimizer in record.optimizers:
        updates = [(v, e) for v, e in record.events(Update) if e.optimizer == optimizer.number]
        sites = {e.site for _, e in record.events(Backward) if optimizer.number in e.optimizers}
        once = len(sites) == 1 and _once_an_epoch(record, updates)
        window, share = (updates[0][1].summed, 1.0) if once else _usual(updates)
        odd = [(v, e) for v, e in updates if _odd(e, window)]
        if window < 2 or not odd or len(sites) != 1 or len({e.backwards for _, e in odd}) > 1:
            continue
        seen = Sighting(odd)
        ends = [_after_an_epoch(record, updates, e) for _, e in odd]
        told = share > AT_EPOCHS and all(ends)  # a loader says where the epochs end
        if told or (share >= USUAL and not record.count(EpochEnd) and seen.count >= AGAIN):
            yield _say(seen, window)


def _usual(updates: list[Seen]) -> tuple[int, float]:
    """The commonest window, and its share of the updates."""
    sizes = Counter[int]()
    for vitals, event in updates:
        sizes[event.backwards] += vitals.repeats
    if not sizes:
        return 0, 0.0
    window, times = sizes.most_common(1)[0]
    return (window, times / sizes.total()) if times >= 2 else (0, 0.0)


def _once_an_epoch(record: Record, updates: list[Seen]) -> bool:
    """One window in each epoch, ended at the same batch, and the same rest left behind it.

    The first update has the window alone; every other has the rest of the epoch before it too.
    Windows that grow once, or that go on over the end of an epoch, end at other batches.
    """
    if not updates or sum(vitals.repeats for vitals, _ in updates) <= AGAIN:
        return False
    window, batches = updates[0][1].backwards, [_fed(vitals) for vitals, _ in updates]
    if {one.position if one is not None else 0 for one in batches} != {window}:
        return False
    loaders = {one.loader for one in batches if one is not None}
    lengths = {e.batches for _, e in record.events(EpochEnd) if e.loader in loaders}
    rests = {e.backwards - window for _, e in updates[1:]}
    return len(lengths) == 1 and rests == {lengths.pop() - window} and updates[0][0].repeats == 1


def _fed(vitals: Vitals) -> Batch | None:
    return next(vitals.of(Batch), None)


def _odd(update: Update, window: int) -> bool:
    """A window and a part of another: the part was cleared unused, or is summed along."""
    more = window < update.backwards < 2 * window
    return more and not update.carried and update.summed in (window, update.backwards)


def _after_an_epoch(record: Record, updates: list[Seen], odd: Update) -> bool:
    """A loader ended between the update before and this one."""
    before = max((e.at for _, e in updates if e.at < odd.at), default=0)
    return any(before < end.at < odd.at for _, end in record.events(EpochEnd))


def _say(seen: Sighting[Update], window: int) -> Finding:
    first = seen.first
    left = first.backwards - window
    thrown = first.summed == window
    name = receiver(first.site, "step", "optimizer")
    fate = "cleared unused" if thrown else "added to the first window of the next epoch"
    return seen.finding(
        message=f"{left} of {window} backwards of the last window of an epoch are {fate}",
        cause=f"the epoch does not end with `{name}.step()`: its length is no multiple of {window}",
        fix=f"call `{name}.step()` and `{name}.zero_grad()` after the last batch of the epoch too",
        evidence={"window": window, "left_over": left, "thrown_away": thrown, "times": seen.count},
        confidence=0.9,
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    batches = list(practice.regression())
    for start in range(0, len(batches), 10):  # epochs of 10 batches, windows of 3
        optimizer.zero_grad()
        for number, (inputs, targets) in enumerate(batches[start : start + 10], start=1):
            loss = loss_fn(model(inputs), targets) / 3
            loss.backward()
            if number % 3 == 0:
                optimizer.step()
                optimizer.zero_grad()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    batches = list(practice.regression())
    for start in range(0, len(batches), 10):
        optimizer.zero_grad()
        for number, (inputs, targets) in enumerate(batches[start : start + 10], start=1):
            loss = loss_fn(model(inputs), targets) / 3
            loss.backward()
            if number % 3 == 0 or number == 10:
                optimizer.step()
                optimizer.zero_grad()
