"""Which module it is: what each of them took and gave in one forward, beside another forward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

from fivestep.convert import leaves
from fivestep.proofs.bench.quiet import named


class Call(NamedTuple):
    """One call of one module."""

    name: str
    kind: str
    inputs: list[Tensor]
    outputs: list[Tensor]

    @property
    def title(self) -> str:
        """``layers.0 (Linear)``."""
        return self.kind if self.name == self.kind else f"{self.name} ({self.kind})"


def traced(model: Any, run: Callable[[], Any]) -> list[Call]:
    """Run something and copy what every module took and gave, in the order in which they ended."""
    calls: list[Call] = []

    def listen(name: str, kind: str) -> Callable[..., None]:
        def note(_: Any, args: Any, kwargs: Any, output: Any) -> None:
            given = leaves((args, kwargs), "inputs")
            calls.append(Call(name, kind, _copies(given), _copies(leaves(output, "output"))))

        return note

    hooks = [
        module.register_forward_hook(listen(name, type(module).__name__), with_kwargs=True)
        for name, module in named(model)
    ]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return calls


def culprit(
    first: list[Call], second: list[Call], same: Callable[[Tensor, Tensor], bool]
) -> str | None:
    """Name the first module that gave something else for the same; None if all gave the same."""
    for one, other in zip(first, second, strict=False):
        if one.name != other.name:
            return f"the order of the calls, at {one.title}"
        if not _all(one.outputs, other.outputs, same):
            if _all(one.inputs, other.inputs, same):
                return one.title
            return f"the forward of {_owner(one, first)}, before {one.title}"
    return None


def _owner(call: Call, calls: list[Call]) -> str:
    parents = [one for one in calls if call.name.startswith(f"{one.name}.")]
    inner = max(parents, key=lambda one: len(one.name), default=calls[-1])
    return inner.title


def _all(first: list[Tensor], second: list[Tensor], same: Callable[[Tensor, Tensor], bool]) -> bool:
    return len(first) == len(second) and all(map(same, first, second))


def _copies(found: list[tuple[str, Tensor]]) -> list[Tensor]:
    return [one.detach().clone() for _, one in found]
