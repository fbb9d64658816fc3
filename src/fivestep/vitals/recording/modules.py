"""Inside a forward: the modules that run, and what is dropped."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from typing import Any

from torch import nn

from fivestep.vitals.events import Drop
from fivestep.vitals.facts import ModuleRun, Site
from fivestep.vitals.measure import describe, quietly, tensors_in
from fivestep.vitals.recording.forwards import Forwards
from fivestep.vitals.recording.notes import Notes
from fivestep.vitals.recording.sampling import RUNS
from fivestep.vitals.recording.strays import Strays
from fivestep.vitals.registry import Registry, dropout_rate


class Modules:
    """Writes down what runs inside an outermost model."""

    def __init__(self, notes: Notes, forwards: Forwards, strays: Strays) -> None:
        self._notes, self._forwards, self._strays = notes, forwards, strays

    def begins(self, module: nn.Module) -> ModuleRun | None:
        """A module inside an outermost model is called (heard in detail only)."""
        opened = self._forwards.open
        if opened is None or opened.event is None or len(opened.runs) >= RUNS:
            return None
        times = opened.seen[id(module)] = opened.seen.get(id(module), 0) + 1
        if times > 2:
            return None
        registered = id(module) in opened.paths
        fresh = False
        if not registered:
            again = self._notes.record.models[opened.number].forwards > 1
            fresh = self._strays.meet(module) and again
        path = opened.paths.get(id(module), "?")
        run = _module_run(module, path, registered, fresh, self._notes.who)
        opened.runs.append(run)
        return run

    def ends(self, run: ModuleRun, args: Any, output: Any) -> None:
        """It has answered."""
        inputs, outputs = tensors_in(args, 1), tensors_in(output, 1)
        with quietly():
            run.input = describe(inputs[0]) if inputs else None
        if outputs:
            (run.output,) = self._notes.facts(outputs)
        opened = self._forwards.open
        if opened is not None and opened.layer is None and run.parameters and outputs and run.leaf:
            opened.layer = (run.name or run.kind, outputs[0])

    def drops(self, rate: float) -> None:
        """``F.dropout`` dropped inside a model that is in train mode."""
        opened = self._forwards.open
        if opened is not None and opened.event is not None:
            opened.event.dropped = max(opened.event.dropped, rate)

    def dropped(self, rate: float, by: nn.Module | str | None, site: Site | None) -> None:
        """``F.dropout`` (or a function, by its name) dropped inside a model in eval mode."""
        opened = self._forwards.open
        registered = (
            opened is not None
            and isinstance(by, nn.Module)
            and (not opened.paths or id(by) in opened.paths)
        )
        kind = by if isinstance(by, str) else type(by).__name__ if by is not None else ""
        raw = (Drop, self._notes.site(site), rate, kind, registered)
        self._notes.next()
        self._notes.write(raw, None)


def _module_run(
    module: nn.Module, name: str, registered: bool, fresh: bool, who: Registry
) -> ModuleRun:
    own = [one for one in module._parameters.values() if one is not None]
    known = [who.parameters.find(one) for one in own]
    momentum: Any = getattr(module, "momentum", None)
    batch_first: Any = getattr(module, "batch_first", None)
    return ModuleRun(
        name=name,
        kind=type(module).__name__,
        training=module.training,
        registered=registered,
        fresh=fresh,
        parameters=tuple(number for number in known if number is not None),
        trainable=any(one.requires_grad for one in own),
        leaf=not module._modules,
        momentum=float(momentum) if isinstance(momentum, (int, float)) else None,
        tracks=getattr(module, "running_mean", None) is not None,
        rate=dropout_rate(module),
        batch_first=batch_first if isinstance(batch_first, bool) else None,
    )
