"""Mixed precision on the model and its optimizer: the loop, the loss and the weights stay float32.

``autocast`` puts the forward into bfloat16 or float16; ``scaled`` keeps the small gradients of
float16 from vanishing; ``precision`` is both, as asked for by one word.
"""

from __future__ import annotations

import copy
import dataclasses
from collections import defaultdict
from collections.abc import Callable
from threading import get_ident
from typing import Any, Literal, Self, cast

import torch
from torch import Tensor, nn
from torch.amp.autocast_mode import (
    _enter_autocast,  # pyright: ignore[reportPrivateUsage]
    _exit_autocast,  # pyright: ignore[reportPrivateUsage]
)
from torch.amp.grad_scaler import GradScaler
from torch.nn.parallel import DataParallel

from fivestep.attach.tf32 import switch_tf32
from fivestep.attach.wrapping import Wrapping
from fivestep.closure import demands_closure

Word = Literal["bfloat16", "float16", "float32"]
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def precision(
    model: Any,
    optimizer: Any,
    word: Word,
    *,
    tf32: bool | None = None,
    device_type: str | None = None,
) -> Any:
    """Compute the forward of ``model`` in ``word``; weights, outputs and loss stay float32.

    Args:
        model: an ``nn.Module``, compiled or not; compile it before, not after.
        optimizer: of its parameters.
        word: ``"bfloat16"``, ``"float16"`` (with a scaled gradient) or ``"float32"`` (no change).
        tf32: switch TensorFloat-32 on or off and leave it so; None leaves it as it is. The context
            manager ``tf32`` puts it back.
        device_type: ``"cuda"``, ``"cpu"``, ...; that of the first parameter if not said.

    Returns:
        The optimizer to go on with: a ``Scaled`` for float16, else the given one. To take all off
        again use ``autocast`` and ``scaled``, which this composes.

    Raises:
        ValueError, TypeError: an unknown word, no module, an optimizer that wants a closure.
    """
    if word not in (*DTYPES, "float32"):
        raise ValueError(f"precision: got {word!r}\n  do: choose one of {[*DTYPES, 'float32']}")
    if tf32 is not None:
        switch_tf32(tf32)
    if word == "float32":
        return optimizer
    handle = autocast(model, word, device_type=device_type)
    if word == "bfloat16":
        return optimizer
    try:
        return scaled(model, optimizer, device_type=device_type)
    except (TypeError, ValueError):
        handle.remove()
        raise


def autocast(
    model: Any, word: Literal["bfloat16", "float16"], *, device_type: str | None = None
) -> Autocast:
    """Run each forward of ``model`` under ``torch.autocast``, and hand its outputs out as float32.

    Outputs in any nest of tuples, lists, dicts and dataclasses; float64 and integers stay as they
    are. A loss computed outside is then computed in float32. Attach it to a model that is compiled
    already: that adds no graph break.

    Returns:
        The handle: ``remove()`` takes it off, as does the end of a ``with``.

    Raises:
        ValueError, TypeError: another word, no module, or a second time on one model.

    Source: https://docs.pytorch.org/docs/stable/amp.html
    """
    if word not in DTYPES:
        raise ValueError(f"autocast: got {word!r}\n  do: choose one of {[*DTYPES]}")
    module = _fresh(model, _Casting, "autocast")
    return Autocast(module, _Casting(device_type or _device_type(module), DTYPES[word]))


def scaled(
    model: Any,
    optimizer: Any,
    *,
    scaler: GradScaler | None = None,
    device_type: str | None = None,
) -> Scaled:
    """Keep small float16 gradients from vanishing, with the loss and the loop as they were.

    The gradient is multiplied by the scale where it enters ``model`` through its outputs, and
    divided by it where it leaves through inputs that want one, and in ``step`` for the weights. An
    update whose gradients overflowed is not made, and the scale is halved.

    What reaches the weights past the outputs, such as a penalty on the weights in the loss, is not
    multiplied: write ``loss = loss_fn(prediction, targets) + optimizer.carry(penalty)``.

    Args:
        model: an ``nn.Module`` that is called as a whole, its weights in float32.
        optimizer: any that needs no closure.
        scaler: with settings of its own; by default torch's (2**16, doubled every 2000 updates).
        device_type: as in ``precision``.

    Raises:
        ValueError, TypeError: an optimizer that wants a closure, float16 weights, no module, or a
            second time on one model.

    Source: https://docs.pytorch.org/docs/stable/notes/amp_examples.html
    """
    if demands_closure(optimizer):
        raise TypeError(
            f"float16: {type(optimizer).__name__} evaluates the model within its update, and the "
            "scale cannot follow\n  do: use bfloat16, which needs no scale"
        )
    halves = [p for g in optimizer.param_groups for p in g["params"] if p.dtype is torch.float16]
    if halves:
        raise ValueError(
            f"float16: {len(halves)} parameters are float16 themselves, and updates vanish there\n"
            "  do: keep the weights in float32, model.float(); autocast casts them where it helps"
        )
    module = _fresh(model, _Scaling, "scaled")
    return Scaled(module, optimizer, scaler or GradScaler(device_type or _device_type(module)))


class Autocast:
    """The handle of ``autocast``."""

    def __init__(self, module: nn.Module, casting: _Casting) -> None:
        self._casting = casting
        self._handles = _hook(module, casting)

    def remove(self) -> None:
        """Take the hooks off, and leave what a forward cut short by Ctrl-C had entered."""
        for handle in self._handles:
            handle.remove()
        self._casting.leave_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class Scaled(Wrapping):
    """The optimizer of a model whose gradients are scaled; made by ``scaled``.

    ``state_dict`` is that of the inner optimizer; the scale's is ``scaler.state_dict()``.
    """

    def __init__(self, module: nn.Module, inner: Any, scaler: GradScaler) -> None:
        super().__init__(inner)
        self.scaler = scaler
        self.skipped = 0  # updates not made, because a gradient overflowed
        self._gate = _Gate(inner)
        self._scaling = _Scaling(scaler)
        self._handles = _hook(module, self._scaling)

    @property
    def scale(self) -> float:
        """The present scale. Reading it waits for an accelerator."""
        return self.scaler.get_scale()

    @property
    def pending(self) -> bool:
        """Whether scaled gradients are waiting for an update; a checkpoint keeps it."""
        return self._scaling.seen

    @pending.setter
    def pending(self, pending: bool) -> None:
        self._scaling.seen = pending

    def carry(self, term: Tensor) -> Tensor:
        """Return ``term`` of the loss, its gradient scaled: for what is no output of the model."""
        return self._scaling.raised(term)

    def unscale(self) -> None:
        """Divide the gradients by the scale now, to look at them; else ``step`` does it."""
        if self._scaling.scaler is None:
            raise RuntimeError(
                "float16: this optimizer is a copy, and no model scales for it\n"
                "  do: copy the inner optimizer and the model, then call scaled() for the copies"
            )
        if self._scaling.unscaled or not self._has_gradient():
            return
        if not self._scaling.seen:
            self._scaling.depth.clear()
            raise RuntimeError(
                "float16: there are gradients, but none came through the model's outputs, so they "
                "are not scaled\n  do: call the whole model, model(x), not a part of it; "
                "and pass a loss of the weights alone through optimizer.carry(loss)"
            )
        self.scaler.unscale_(self._gate)
        self._scaling.unscaled = True

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore
        """Unscale, update unless a gradient overflowed, and adapt the scale.

        Raises:
            TypeError: with a closure.
            RuntimeError: the gradients never were scaled.
        """
        if closure is not None:
            raise TypeError("float16: step() got a closure\n  do: call backward() before step()")
        self.unscale()
        if not self._scaling.unscaled:
            return self.inner.step()  # no gradient at all: as it does without us
        self._gate.moved = False
        try:
            return self.scaler.step(self._gate)
        finally:
            self._settle()
            self.skipped += not self._gate.moved

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients; after ``unscale`` without ``step`` that gives the update up."""
        super().zero_grad(set_to_none)
        self._scaling.depth.clear()  # a forward cut short by Ctrl-C never came back
        if self._scaling.unscaled:
            self._settle()

    def remove(self) -> None:
        """Take the hooks off the model; go on with ``inner``."""
        for handle in self._handles:
            handle.remove()

    def _settle(self) -> None:
        self.scaler.update()
        self._scaling.seen = self._scaling.unscaled = False

    def _has_gradient(self) -> bool:
        return any(p.grad is not None for group in self.param_groups for p in group["params"])


class _Gate(Wrapping):
    """What the scaler steps: it tells whether it did, and hides a fused kernel's own way.

    That kernel would be called on an overflow, too, and its hooks with it.
    """

    moved = False

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore
        self.moved = True
        return self.inner.step()


# --- The hooks. A copy of the model takes them along, and `__reduce__` says as what. --------------


class _Casting:
    """Enters autocast before a forward and leaves it afterwards; forwards may nest."""

    def __init__(self, device_type: str, dtype: torch.dtype) -> None:
        self._setting = device_type, dtype
        # DataParallel runs the forwards of one model in several threads.
        self._entered: defaultdict[int, list[Any]] = defaultdict(list)

    def __reduce__(self) -> Any:
        return _Casting, self._setting

    def enter(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        # torch.autocast as a pair of calls, which torch.compile can trace.
        self._entered[_thread()].append(_enter_autocast(*self._setting))

    def leave(self, module: nn.Module, args: Any, output: Any) -> Any:
        if entered := self._entered[_thread()]:
            _exit_autocast(entered.pop())
        return _mapped(_widened, output)

    def leave_all(self) -> None:
        while entered := self._entered[_thread()]:
            _exit_autocast(entered.pop())


class _Scaling:
    """Multiplies the gradient that enters a model and divides the one that leaves it."""

    def __init__(self, scaler: GradScaler | None = None) -> None:
        self.scaler = scaler
        self.seen = False  # a gradient, since the last update
        self.unscaled = False  # the gradients of the weights, ahead of the update
        self.depth: defaultdict[int, int] = defaultdict(int)  # of a model that calls itself

    def __reduce__(self) -> Any:
        return _Scaling, ()  # there is no optimizer that would unscale the gradients of a copy

    def enter(self, module: nn.Module, args: Any, kwargs: Any) -> Any:
        self.depth[_thread()] += 1
        if self.depth[_thread()] == 1:
            args, kwargs = _mapped(self.lowered, args), _mapped(self.lowered, kwargs)
        return args, kwargs

    def leave(self, module: nn.Module, args: Any, output: Any) -> Any:
        self.depth[_thread()] -= 1
        return _mapped(self.raised, output) if self.depth[_thread()] <= 0 else output

    def raised(self, tensor: Tensor) -> Tensor:
        if not self._concerns(tensor):
            return tensor
        # A node of its own, so that an output that depends on another is not scaled twice, and a
        # second one, so that the gradient that the user may look at is the true one. The first is
        # no view: changed in place, a view gets a history that goes around its hooks.
        within = tensor.float() if _is_narrow(tensor) else tensor.clone()
        within.register_hook(self._multiply)
        return within.view_as(within)

    def lowered(self, tensor: Tensor) -> Tensor:
        if not self._concerns(tensor):
            return tensor
        within = tensor.clone()
        within.register_hook(self._divide)
        return within

    def _concerns(self, tensor: Tensor) -> bool:
        return self.scaler is not None and torch.is_grad_enabled() and tensor.requires_grad

    def _multiply(self, gradient: Tensor) -> Tensor:
        assert self.scaler is not None
        if torch.is_grad_enabled():
            raise RuntimeError(
                "float16: a gradient of a gradient (create_graph=True) is asked for, and it is "
                "scaled otherwise\n  do: use bfloat16, which needs no scale"
            )
        if self.unscaled:
            raise RuntimeError(
                "float16: backward after unscale() and before step() would add scaled gradients "
                "to unscaled ones\n  do: call unscale() after the last backward"
            )
        self.seen = True
        return self.scaler.scale(gradient)

    def _divide(self, gradient: Tensor) -> Tensor:
        assert self.scaler is not None
        return gradient / self.scaler.scale(torch.ones((), device=gradient.device))


def _thread() -> int:
    return 0 if torch.compiler.is_compiling() else get_ident()  # that cannot be traced


def _hook(module: nn.Module, hooks: _Casting | _Scaling) -> tuple[Any, Any]:
    if isinstance(hooks, _Casting):
        # The outermost, and always left again: the float32 outputs are what all other hooks see.
        before = module.register_forward_pre_hook(hooks.enter, with_kwargs=True, prepend=True)
        after = module.register_forward_hook(hooks.leave, prepend=True, always_call=True)
        return before, after
    # Before the casting's, where that is attached: what it widens is a new tensor already.
    before = module.register_forward_pre_hook(hooks.enter, with_kwargs=True)
    return before, module.register_forward_hook(hooks.leave, prepend=True, always_call=True)


def _fresh(model: Any, kind: type, name: str) -> nn.Module:
    """Find the module to hook; a hooked one is refused."""
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"{name}: got {type(model).__name__}, and only an nn.Module can be hooked\n"
            "  do: put the function into the forward of an nn.Module, or write "
            "`with torch.autocast(...)` in it"
        )
    hooks = [
        *(hook for part in model.modules() for hook in part._forward_hooks.values())  # pyright: ignore
    ]
    if any(isinstance(getattr(hook, "__self__", None), kind) for hook in hooks):
        raise ValueError(
            f"{name}: this model, or a part of it, has it already\n"
            "  do: attach it once, or remove() the first"
        )
    # Autocast is a matter of each thread, and DataParallel has one for each copy of what it wraps.
    return model.module if isinstance(model, DataParallel) else model


def _device_type(module: nn.Module) -> str:
    first = next(module.parameters(), None)
    return "cpu" if first is None else first.device.type


def _is_narrow(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.element_size() < 4


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if _is_narrow(tensor) else tensor


def _mapped(change: Callable[[Tensor], Tensor], value: Any) -> Any:
    """Change the tensors of a nest. What holds none that changes comes back as it is."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, (tuple, list)):
        row = cast("list[Any]", value)
        parts = [_mapped(change, part) for part in row]
        if all(new is old for new, old in zip(parts, row, strict=True)):
            return row
        kind: Any = type(row)
        return kind(*parts) if hasattr(row, "_fields") else kind(parts)
    if isinstance(value, dict):
        return _replaced(value, cast("dict[Any, Any]", value), change, _set_item)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _replaced(value, fields, change, object.__setattr__)
    return value


def _replaced(
    whole: Any, parts: dict[Any, Any], change: Callable[[Tensor], Tensor], put: Callable[..., None]
) -> Any:
    new = {key: _mapped(change, part) for key, part in parts.items()}
    changed = [key for key in new if new[key] is not parts[key]]
    if not changed:
        return whole
    whole = copy.copy(whole)  # keeps the type, whatever its constructor asks for
    for key in changed:
        put(whole, key, new[key])
    return whole


def _set_item(whole: Any, key: Any, value: Any) -> None:
    whole[key] = value  # a ModelOutput sets its attribute as well
