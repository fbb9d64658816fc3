"""An optimizer around another one: the same parameters, groups and state; only ``step`` differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer


class Wrapping(Optimizer):
    """Looks like ``inner`` to schedules, hooks and checkpoints; a subclass writes ``step``.

    Hooks registered here are those of ``inner``: they run when it really moves the weights, not
    each time that ``step`` is called.
    """

    # GradScaler would hand its scale to a fused kernel of `inner` and step without looking.
    _step_supports_amp_scaling = False

    def __init__(self, inner: Any) -> None:
        # Not Optimizer's: groups and state stay with `inner`, of which there is only one truth.
        self.inner = inner

    @property
    def param_groups(self) -> list[dict[str, Any]]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The groups of ``inner``, live."""
        return self.inner.param_groups

    @property
    def state(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The state of ``inner``, live."""
        return self.inner.state

    @property
    def defaults(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The default options of ``inner``."""
        return self.inner.defaults

    @property
    def clears(self) -> bool:
        """Tell whether ``zero_grad`` has anything to clear at this point."""
        return True

    def __getattr__(self, name: str) -> Any:
        if name == "inner":  # not yet there, while a copy is made
            raise AttributeError(name)
        return getattr(self.inner, name)

    def __getstate__(self) -> dict[str, Any]:
        # Without the `step` that a schedule puts here: it would step the original of a copy.
        return {name: value for name, value in self.__dict__.items() if name != "step"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner!r})"

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of ``inner``'s parameters."""
        self.inner.zero_grad(set_to_none=set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of ``inner``: what was saved without the wrapping loads with it."""
        return self.inner.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the state of ``inner``."""
        self.inner.load_state_dict(state_dict)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group to ``inner``."""
        self.inner.add_param_group(param_group)

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> Any:
        """Call ``hook`` before each update of ``inner``."""
        return self.inner.register_step_pre_hook(hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> Any:
        """Call ``hook`` after each update of ``inner``."""
        return self.inner.register_step_post_hook(hook)


def core(optimizer: Any) -> Any:
    """Find what moves the weights: the innermost optimizer, or several taken together."""
    while isinstance(optimizer, Wrapping) and not isinstance(optimizer.inner, tuple):
        optimizer = optimizer.inner
    return optimizer
