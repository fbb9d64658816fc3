"""Several optimizers as one: one iteration is one step for all of them, or for none."""
# To look like an optimizer is the work of this file, and torch's registries of hooks are private.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch.optim import Optimizer

from fivestep.arguments import describe
from fivestep.attach.wrapping import Wrapping
from fivestep.closure import demands_closure


def together(*optimizers: Any) -> Together:
    """Make one optimizer of several, for one loss over all that they hold.

        optimizer = together(SGD(encoder.parameters(), lr=0.1), AdamW(head.parameters()))
        optimizer = together({"encoder": SGD(...), "head": AdamW(...)})  # with names

    Args:
        optimizers: each a ``torch.optim.Optimizer``; or one dict of them by name.

    Returns:
        An optimizer whose ``param_groups`` are those of all, live. A hook registered on it runs
        once, before the first or after the last of them steps, so that one norm can be taken over
        everything; hooks of the single ones run too, and so do their schedules. ``GradScaler``
        takes it for one: an overflow in one of them holds all of them back.

    Raises:
        TypeError: something given is no optimizer, or one that demands a closure (LBFGS).
        ValueError: nothing was given, one optimizer twice, or a parameter that two would move.
    """
    if len(optimizers) == 1 and isinstance(optimizers[0], dict):
        named = cast("dict[str, Any]", optimizers[0])
        return Together(list(named.values()), [str(name) for name in named])
    return Together(list(optimizers))


class Together(Wrapping):
    """What ``together`` makes. ``optimizers`` are the single ones, ``names`` theirs, if any."""

    def __init__(self, optimizers: list[Any], names: list[str] | None = None) -> None:
        _need_optimizers(optimizers)
        _need_own_parameters(optimizers)
        super().__init__(tuple(optimizers))
        self.names = names
        self._optimizer_step_pre_hooks = OrderedDict()
        self._optimizer_step_post_hooks = OrderedDict()

    @property
    def optimizers(self) -> tuple[Any, ...]:
        """The single ones, in the order in which they step."""
        return self.inner

    @property
    def param_groups(self) -> list[dict[str, Any]]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The groups of all, one list after the other. The groups are live, the list is not."""
        return [group for one in self.inner for group in one.param_groups]

    @property
    def state(self) -> dict[Any, Any]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The state of every parameter. Its entries are live, the dict is not."""
        return {held: entry for one in self.inner for held, entry in one.state.items()}

    @property
    def defaults(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The options that all of them know, as the first has them."""
        first, *rest = (cast("dict[str, Any]", one.defaults) for one in self.inner)
        return {name: value for name, value in first.items() if all(name in one for one in rest)}

    @Optimizer.profile_hook_step
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Let every optimizer step once; a closure is evaluated once, before the first."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for one in self.inner:
            one.step()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of all."""
        for one in self.inner:
            one.zero_grad(set_to_none=set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Return ``{"optimizers": [one for each]}``, or a dict by name where they have names."""
        states = [one.state_dict() for one in self.inner]
        if self.names is None:
            return {"optimizers": states}
        return {"optimizers": dict(zip(self.names, states, strict=True))}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what ``state_dict`` returned: into all of them, or, where it does not fit, none.

        Raises:
            ValueError: it has other names, another number of optimizers, groups or parameters.
        """
        states = self._sorted(state_dict.get("optimizers"), list(state_dict))
        for label, one, state in zip(self._labels, self.inner, states, strict=True):
            _need_fitting(label, one, state)
        for one, state in zip(self.inner, states, strict=True):
            one.load_state_dict(state)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Refuse: which of them it would belong to cannot be told."""
        raise ValueError(
            f"a group was added to {len(self.inner)} optimizers together, and it has to belong to "
            "one of them\n  do: add it there, e.g. optimizer.optimizers[0].add_param_group(group)"
        )

    # The registries of Optimizer itself, whose hooks `profile_hook_step` runs around `step`.
    register_step_pre_hook = Optimizer.register_step_pre_hook
    register_step_post_hook = Optimizer.register_step_post_hook

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __getstate__(self) -> dict[str, Any]:
        # As torch's own: a copy steps alone, without the hooks and schedules of the original.
        return {"inner": self.inner, "names": self.names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(list(state["inner"]), state["names"])

    def __repr__(self) -> str:
        parts = zip(self._labels, self.inner, strict=True)
        return f"{type(self).__name__}({', '.join(f'{label}: {one!r}' for label, one in parts)})"

    @property
    def _labels(self) -> list[str]:
        return self.names or [f"optimizer {i}" for i in range(len(self.inner))]

    def _sorted(self, states: Any, keys: list[str]) -> list[dict[str, Any]]:
        expected = f"{len(self.inner)} optimizers" if self.names is None else f"{self.names}"
        given = f"keys {keys}"
        if isinstance(states, dict) and self.names is not None:
            by_name = cast("dict[str, Any]", states)
            if set(by_name) == set(self.names):
                return [by_name[name] for name in self.names]
            given = f"{list(by_name)}"
        elif isinstance(states, list) and self.names is None:
            if len(cast("list[Any]", states)) == len(self.inner):
                return cast("list[dict[str, Any]]", states)
            given = f"{len(cast('list[Any]', states))} of them"
        elif states is not None:
            given = "states with names" if isinstance(states, dict) else "states without names"
        raise ValueError(
            f"the state of {expected} was expected, and {given} were given\n"
            "  do: make the same optimizers together, with the same names, as when it was saved"
        )


def _need_optimizers(optimizers: list[Any]) -> None:
    if not optimizers:
        raise ValueError(
            "no optimizer was given\n  do: together(SGD(a.parameters(), lr=0.1), "
            "AdamW(b.parameters()))"
        )
    for place, one in enumerate(optimizers):
        _need_optimizer(place, one)
        if any(one is other for other in optimizers[:place]):
            raise ValueError(
                f"optimizer {place} is the same {type(one).__name__} as one before it, and would "
                "step twice\n  do: give every optimizer once"
            )


def _need_optimizer(place: int, one: Any) -> None:
    parts = ("step", "zero_grad", "param_groups", "state_dict", "load_state_dict")
    if isinstance(one, type) or not all(hasattr(one, name) for name in parts):
        what = f"the class {one.__name__}" if isinstance(one, type) else describe(one)
        raise TypeError(
            f"optimizer {place} is {what}, and a torch.optim.Optimizer was expected\n"
            "  do: together(first, second), or one dict of them by name"
        )
    if isinstance(one, Wrapping):
        raise TypeError(
            f"optimizer {place} is {type(one).__name__}, which stands around another one, and its "
            "window or scale would be its own\n"
            "  do: give the optimizers themselves to together, and put the rest around the result"
        )
    if demands_closure(one):
        raise TypeError(
            f"optimizer {place} is {type(one).__name__}, whose step demands a closure and moves "
            "the weights several times; one step for all cannot be told from that\n"
            "  do: train what it holds in a loop of its own, or choose another optimizer"
        )


def _need_own_parameters(optimizers: list[Any]) -> None:
    holders: dict[int, int] = {}
    for place, one in enumerate(optimizers):
        for group, index, parameter in _parameters(one):
            holder = holders.setdefault(id(parameter), place)
            if holder != place:
                raise ValueError(
                    f"parameter {index} of group {group} of optimizer {place}, of shape "
                    f"{tuple(parameter.shape)}, is held by optimizer {holder} too, and both would "
                    "move it\n  do: give every parameter to one optimizer"
                )


def _parameters(optimizer: Any) -> Iterator[tuple[int, int, Any]]:
    for group, options in enumerate(optimizer.param_groups):
        for index, parameter in enumerate(options["params"]):
            yield group, index, parameter


def _need_fitting(label: str, optimizer: Any, state: dict[str, Any]) -> None:
    has = [len(group["params"]) for group in optimizer.param_groups]
    given = [len(group["params"]) for group in state["param_groups"]]
    if has != given:
        raise ValueError(
            f"{label} has {has} parameters in its groups, and the state given has {given}\n"
            "  do: make the optimizers from the same models as when it was saved"
        )
