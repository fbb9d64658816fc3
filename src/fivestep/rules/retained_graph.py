"""The graph is kept for a second backward that never comes: retain_graph=True.

*Why is this bad?*
``backward`` frees what it no longer needs as it goes. With ``retain_graph=True`` every intermediate
result stays in memory until the loss itself is forgotten. It is often added to silence "trying to
backward through the graph a second time", whose cause is a state that was not detached.

*What to do*
Leave it out:

    loss.backward()

and where PyTorch then complains, detach what is carried from one iteration to the next.

*When it is wrong*
A second backward or a derivative through the same graph needs it; where one is heard, nothing is
said. A derivative that was taken before the graph was retained does not.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, receiver, sightings
from fivestep.practice import Practice
from fivestep.vitals import Backward, Derivative, Forward, Record

SEVERITY = Severity.COSTLY

TIMES = 3  # backwards that kept their graph: one or two are an experiment


def check(record: Record) -> Iterator[Finding]:
    """Graphs are retained, and in the whole run nothing goes through one again."""
    if any(event.again for _, event in record.events(Backward)) or not _derived_before(record):
        return
    keeping = [(v, e) for v, e in record.events(Backward) if e.retain_graph and not e.create_graph]
    whole = all(e.graph.complete for _, e in keeping if e.graph is not None)
    for seen in sightings(keeping if whole else ()):
        if seen.count >= TIMES:
            yield _say(seen)


def _derived_before(record: Record) -> bool:
    """Every derivative became part of the loss of its own iteration, before a graph was retained.

    Which graph a derivative goes through is not measured: one that makes no graph, comes after a
    backward that kept its own, or has no forward before it may be what the graph was kept for. So
    may one in a kind of iteration that is no longer kept.
    """
    if record.count(Derivative) and record.unkept:
        return False
    for vitals in record.iterations:
        fresh = retained = False
        for event in vitals.events:
            fresh = fresh or isinstance(event, Forward)
            retained = retained or (isinstance(event, Backward) and event.retain_graph)
            if isinstance(event, Derivative) and (retained or not (fresh and event.create_graph)):
                return False
    return True


def _say(seen: Sighting[Backward]) -> Finding:
    first = seen.first
    name = receiver(first.site, "backward", "loss")
    nodes = len(first.graph.nodes) if first.graph is not None else 0
    return seen.finding(
        message=f"{seen.count} graphs were kept by retain_graph=True, and none was used again",
        cause="no second backward comes through them: their memory is held for nothing",
        fix=f"leave it out: `{name}.backward()`",
        evidence={"graphs_kept": seen.count, "used_again": 0, "operations": nodes},
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward(retain_graph=True)
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
