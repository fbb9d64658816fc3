"""The "best" state is no copy: it holds the live weights and changes with every update.

*Why is this bad?*
``model.state_dict()`` gives references to the weights, not copies. Training goes on, the kept state
goes on with it, and what is loaded or saved at the end are the last weights, not the best.

*What to do*
Copy it when you keep it, or write it to disk at once:

    best = copy.deepcopy(model.state_dict())

*When it is wrong*
A state that is used before the next update (saved, loaded into another model) needs no copy and is
not named.

Source: https://docs.pytorch.org/tutorials/beginner/saving_loading_models.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from torch import nn

from fivestep.finding import Finding, Severity, receiver, source
from fivestep.practice import Practice
from fivestep.vitals import Record, Site, State, StateFacts, Vitals

SEVERITY = Severity.WRONG
NEEDS = ("state",)

KEPT = 2  # updates: a state that outlives one may be the one that the next iteration replaces
NAMED = re.compile(r"\bbest\w*\s*(?:\[[^\]]*\]\s*)?[=:]|\bbest\w*\.append\(", re.IGNORECASE)


def check(record: Record) -> Iterator[Finding]:
    """A state that shares the weights is used, or kept as the best, after they have changed."""
    told: set[Site | None] = set()
    models: set[int] = set()
    for vitals, event in record.events(State):
        taken = record.states[event.state] if 0 <= event.state < len(record.states) else None
        site = taken.site if taken is not None else event.site
        if site not in told and _too_late(event, taken, record):
            told.add(site)
            models.add(taken.model if taken is not None else event.model)
            yield _say(record, vitals, event, taken, site)
    for taken in reversed(record.states):  # the first may be there only to begin with
        if taken.model not in models and _kept_as_best(taken):
            models.add(taken.model)
            yield _say_kept(taken)


def _too_late(event: State, taken: StateFacts | None, record: Record) -> bool:
    if event.action == "taken":
        return False
    if taken is None:  # a dict made from one: its tensors are the model's own
        return event.aliased and event.updates > 0
    if not taken.shares or not (event.updates or _outlived(taken, record)):
        return False
    if event.action == "loaded":
        return event.aliased or taken.loaded == 1
    return event.updates > 0 and taken.saved == 1 and taken.iteration > 1


def _outlived(taken: StateFacts, record: Record) -> bool:
    """States taken at this line before it lived on through updates, though it was the last."""
    earlier = (one for one in record.states[: taken.number] if one.site == taken.site)
    return any(one.updates_alive >= KEPT for one in earlier)


def _kept_as_best(taken: StateFacts) -> bool:
    kept = taken.shares and taken.updates_alive >= KEPT and not taken.saved and not taken.loaded
    return kept and bool(NAMED.search(source(taken.site)))


def _copied(site: Site | None) -> str:
    model = receiver(site, "state_dict", "model")
    line = source(site)
    whole = f"{model}.state_dict()"
    return (
        line.replace(whole, f"copy.deepcopy({whole})")
        if whole in line
        else f"copy.deepcopy({whole})"
    )


def _say(
    record: Record, vitals: Vitals, event: State, taken: StateFacts | None, site: Site | None
) -> Finding:
    lived = max((one.updates_alive for one in record.states if one.site == site), default=0)
    updates = event.updates or lived
    how = (
        "loads the weights that the model has already"
        if event.aliased
        else "is of the later weights"
    )
    return Finding(
        message=f"the state {event.action} here is no copy: the weights changed {updates} times "
        "after it was taken, and it with them",
        cause=f"state_dict() refers to the live weights, so what is {event.action} {how}",
        fix=f"copy it when you keep it (`import copy`): `{_copied(site)}`",
        evidence={"updates_since_taken": updates, "action": event.action},
        site=site,
        iteration=taken.iteration if taken is not None else vitals.iteration,
        count=1,
    )


def _say_kept(taken: StateFacts) -> Finding:
    return Finding(
        message=f"the best state is no copy: the weights changed {taken.updates_alive} times "
        "after it was taken, and it with them",
        cause="state_dict() refers to the live weights, so the best state becomes the last",
        fix=f"copy it when you keep it: `{_copied(taken.site)}`",
        evidence={"updates_since_taken": taken.updates_alive, "action": "kept"},
        site=taken.site,
        iteration=taken.iteration,
        count=1,
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer, lowest, best = practice.optimizer(model), float("inf"), model.state_dict()
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        if loss.item() < lowest:
            lowest, best = loss.item(), model.state_dict()
        optimizer.step()
    model.load_state_dict(best)


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer, lowest, best = practice.optimizer(model), float("inf"), model.state_dict()
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        if loss.item() < lowest:
            lowest = loss.item()
            best = {name: weight.clone() for name, weight in model.state_dict().items()}
        optimizer.step()
    model.load_state_dict(best)
