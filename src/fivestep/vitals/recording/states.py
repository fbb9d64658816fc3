"""``state_dict``s that the program takes, keeps, saves and loads."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import nn

from fivestep.vitals.events import State
from fivestep.vitals.facts import Site
from fivestep.vitals.measure import identity
from fivestep.vitals.record import StateFacts
from fivestep.vitals.recording.notes import Notes

STATES = 256  # that are known
INSIDE = 64  # values of a dictionary given to ``torch.save`` that are looked at


class States:
    """Knows the states that are alive, and writes down what becomes of them."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._known: dict[int, tuple[weakref.ref[Any], int]] = {}  # id -> state, its number

    def __len__(self) -> int:
        return len(self._known)

    def taken(self, model: nn.Module, state: Any, site: Site | None) -> None:
        """``state_dict()`` gave out the live weights."""
        notes = self._notes
        number = notes.who.states
        if number >= STATES:
            return
        notes.who.states += 1
        owner = notes.who.model(model, site)
        forgotten = self._known.get(id(state))
        if forgotten is not None:
            notes.record.states[forgotten[1]].alive = False
        iteration, shares = notes.sampling.trained + 1, _aliases(model, state)
        notes.record.states.append(StateFacts(number, owner, site, iteration, shares))
        self._known[id(state)] = (weakref.ref(state), number)
        notes.next()
        notes.write((State, notes.site(site), "taken", owner, number), None)

    def saved(self, thing: Any, site: Site | None) -> None:
        """``torch.save`` was given something: the states in it are written as they are now."""
        notes, inside = self._notes, [thing]
        if isinstance(thing, dict):
            inside += _values(thing)[:INSIDE]
        for number in [self._number(one) for one in inside]:
            if number is not None:
                facts = notes.record.states[number]
                facts.saved += 1
                notes.next()
                raw = (State, notes.site(site), "saved", facts.model, facts.number)
                notes.write(raw, None, {"aliased": facts.shares, "updates": facts.updates_alive})

    def loaded(self, model: nn.Module, state: Any, site: Site | None) -> None:
        """``load_state_dict`` took a state."""
        notes, number = self._notes, self._number(state)
        owner = notes.who.model(model, site)
        if number is not None:
            notes.record.states[number].loaded += 1
            since = notes.record.states[number].updates_alive
        else:
            optimizers = notes.record.optimizers
            since = sum(one.updates for one in optimizers if self._changes(owner, one.number))
        notes.next()
        raw = (State, notes.site(site), "loaded", owner, -1 if number is None else number)
        notes.write(raw, None, {"aliased": _aliases(model, state), "updates": since})

    def _number(self, state: Any) -> int | None:
        known = self._known.get(id(state))
        return known[1] if known is not None and known[0]() is state else None

    def age(self, optimizer: int | None) -> None:
        """The weights that a kept state shares have changed."""
        facts = self._notes.record.states
        for key, (reference, number) in list(self._known.items()):
            if reference() is None:
                del self._known[key]
                facts[number].alive = False
            elif self._changes(facts[number].model, optimizer):
                facts[number].updates_alive += 1

    def _changes(self, model: int, optimizer: int | None) -> bool:
        """Tell whether an optimizer holds weights of a model; by hand, all may be changed."""
        known = self._notes.record.parameters
        return optimizer is None or any(
            optimizer in known[one].optimizers
            for one in self._notes.record.models[model].parameters
        )

    def finish(self) -> None:
        """The run has ended: which are alive?"""
        for reference, number in self._known.values():
            self._notes.record.states[number].alive = reference() is not None


def _aliases(model: nn.Module, state: Any) -> bool:
    """All the weights in a state lie in the model's own memory."""
    own = {identity(one) for one in (*model.parameters(), *model.buffers())}
    values = _values(state) if isinstance(state, dict) else []
    inside = [one for one in values if isinstance(one, torch.Tensor) and one.numel()]
    floating = [one for one in inside if one.is_floating_point()]
    return bool(floating) and all(identity(one) in own for one in floating)


def _values(state: dict[Any, Any]) -> list[Any]:
    return list(state.values())
