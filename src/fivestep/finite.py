"""Stop before an update that NaN or inf would ruin, with the last good state intact."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from fivestep.closure import demands_closure
from fivestep.convert import leaves, widened
from fivestep.loop import Moment


class Numbers(NamedTuple):
    """What one iteration is judged by."""

    loss: float
    gradient_norm: float  # 2-norm over all parameters

    @property
    def finite(self) -> bool:
        """Tell whether the update may be made."""
        return math.isfinite(self.loss) and math.isfinite(self.gradient_norm)


class Guard:
    """Measures loss and gradients before each update, and undoes what a bad forward left behind.

    The weights need no copy: they have not moved yet. Buffers have, if the forward wrote to them
    (BatchNorm's running statistics take in the NaN of the batch), and an optimizer that moves the
    weights several times within one update (LBFGS) can ruin them after the check: these are kept.
    """

    def __init__(self, model: Any, optimizer: Any) -> None:
        self._optimizer = optimizer
        self._parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self._buffers = _Buffers(model)
        self._keeps_weights = demands_closure(optimizer)
        self._kept: tuple[list[Tensor], dict[str, Any]] | None = None

    def remember(self) -> None:
        """Keep what the next forward and update may ruin. Call it before each iteration."""
        self._buffers.remember()
        if self._keeps_weights:
            weights = [parameter.detach().clone() for parameter in self._parameters]
            self._kept = weights, copy.deepcopy(self._optimizer.state_dict())

    def measure(self, loss: Tensor, *, scaled: bool = False) -> Numbers:
        """Read the loss and the gradients' norm: one synchronisation on an accelerator.

        Gradients that are still ``scaled`` may overflow; who unscales them looks at them. Their
        norm counts as 0 here.
        """
        if scaled:
            return Numbers(loss.item(), 0.0)
        gradients = [grad for p in self._parameters if (grad := p.grad) is not None]
        if loss.is_cpu and all(map(_is_plain, gradients)):
            # Reading a number costs nothing here, and putting the norms together in Python is four
            # times as fast on a small model as get_total_norm, which groups by device first.
            norms = [torch.linalg.vector_norm(gradient).item() for gradient in gradients]
            found = Numbers(loss.item(), math.hypot(*norms))
        else:
            norm = gradient_norm(gradients)
            both = torch.stack((widened(loss.detach()), widened(norm.to(loss.device))))
            found = Numbers(*both.tolist())
        if math.isinf(found.gradient_norm) and all_finite(gradients):
            # The squares overflowed, not the gradients: 1e20 is finite in float32, its square not.
            found = found._replace(gradient_norm=_norm_in_double(gradients))
        return found

    def weights_finite(self) -> bool:
        """Tell whether an optimizer with a closure left finite weights; True for all others."""
        return not self._keeps_weights or self.all_weights_finite()

    def all_weights_finite(self) -> bool:
        """Tell whether the weights that the optimizer holds are finite, each of them."""
        return all_finite(self._parameters)

    def undo(self) -> None:
        """Put back what ``remember`` kept and clear the gradients."""
        self._buffers.restore()
        self._optimizer.zero_grad()
        if self._kept is not None:
            weights, state = self._kept
            with torch.no_grad():
                for parameter, weight in zip(self._parameters, weights, strict=True):
                    parameter.copy_(weight)
            self._optimizer.load_state_dict(state)


SMALL = 2**16  # elements. BatchNorm's statistics are below it, a causal mask is above
LOOKS = 3  # iterations after which a large buffer has shown whether it is written behind our back


class _Buffers:
    """Copies of the buffers that the last forward may have written to.

    A version counter tells most writes, but not BatchNorm's own nor those through ``.data``. So
    small buffers are copied every time, and large ones (masks, tables of positions) only when they
    were written or replaced; in the first iterations their values are compared as well, and one
    that changed in silence (a codebook) is copied every time from then on.
    """

    def __init__(self, model: Any) -> None:
        modules = model.modules() if isinstance(model, nn.Module) else ()
        owners = [module._buffers for module in modules]  # pyright: ignore[reportPrivateUsage]
        self._kept = [_Kept(owner, name) for owner in owners for name in owner]
        self._looks = 0

    def remember(self) -> None:
        compare = 0 < self._looks <= LOOKS
        self._looks += 1
        self._kept = [kept.now(compare=compare) for kept in self._kept]

    def restore(self) -> None:
        for kept in self._kept:
            if kept.buffer is not None and kept.copied is not None:
                with torch.no_grad():
                    kept.buffer.copy_(kept.copied)
            kept.owner[kept.name] = kept.buffer


class _Kept(NamedTuple):
    owner: dict[str, Tensor | None]
    name: str
    buffer: Tensor | None = None  # besides the copy: a forward may put a new one in its place
    version: int = -1
    copied: Tensor | None = None
    silent: bool = False  # it is written without its version counter telling

    def now(self, *, compare: bool) -> _Kept:
        buffer = self.owner[self.name]
        if buffer is None or buffer is not self.buffer or buffer._version != self.version:
            return self._anew(buffer, self.silent)
        if buffer.numel() <= SMALL or self.silent:
            return self._anew(buffer, self.silent)
        if compare and self.copied is not None and not torch.equal(buffer, self.copied):
            return self._anew(buffer, silent=True)
        return self

    def _anew(self, buffer: Tensor | None, silent: bool) -> _Kept:
        if buffer is None:
            return _Kept(self.owner, self.name)
        return _Kept(
            self.owner, self.name, buffer, buffer._version, buffer.detach().clone(), silent
        )


def gradient_norm(gradients: list[Tensor]) -> Tensor:
    """Compute the 2-norm over all gradients as one scalar tensor; 0 if there are none."""
    if not gradients:
        return torch.zeros(())
    return nn.utils.get_total_norm([_summed(gradient) for gradient in gradients])


def _is_plain(gradient: Tensor) -> bool:
    return type(gradient) is Tensor and gradient.is_cpu and gradient.layout is torch.strided


def all_finite(tensors: list[Tensor]) -> bool:
    """Tell whether no tensor holds NaN or inf, element by element."""
    return all(bool(torch.isfinite(_values(tensor)).all()) for tensor in tensors)


def first_nonfinite(tensor: Tensor) -> tuple[str, tuple[int, ...]] | None:
    """Find the first NaN or inf: its name and its position, or None."""
    bad = ~torch.isfinite(_values(tensor.detach()))
    if not bool(bad.any()):
        return None
    position = tuple(int(i) for i in bad.nonzero()[0])
    return repr(_values(tensor.detach())[position].item()), position


def trace_nonfinite(moment: Moment, model: Any) -> str:
    """Say where in an iteration the first NaN or inf stands, from the data to the gradients.

    Returns:
        The place and the value, and in a second line what to do about one there.
    """
    for name, tensor in _in_order(moment, model):
        found = first_nonfinite(tensor)
        if found is not None:
            value, position = found
            where = f"{name}{list(position) if position else ''} is {value}"
            return f"first found: {where}\n  do: {_advice(name)}"
    return "neither the data nor the weights before it hold one\n  do: lower the learning rate"


def _advice(name: str) -> str:
    if name.startswith(("inputs", "targets")):
        return "drop or fill this sample in the data"
    if name.startswith("weight"):
        return "lower the learning rate: an earlier update made this weight"
    if name.startswith("gradient"):
        return "look for sqrt, log, norm or a division at 0 in the forward; or clip the gradient"
    return "lower the learning rate, or look for log, exp or a division in the forward and the loss"


def _in_order(moment: Moment, model: Any) -> Iterator[tuple[str, Tensor]]:
    yield from leaves(moment.inputs, "inputs")
    yield from leaves(moment.targets, "targets")
    parameters = list(model.named_parameters()) if isinstance(model, nn.Module) else []
    yield from ((f"weight {name}", parameter) for name, parameter in parameters)
    yield from leaves(moment.prediction, "prediction")
    yield from leaves(moment.loss, "loss")
    gradients = ((name, parameter.grad) for name, parameter in parameters)
    yield from ((f"gradient of {name}", grad) for name, grad in gradients if grad is not None)


def _summed(gradient: Tensor) -> Tensor:
    # A sparse gradient may hold several parts of one row: an embedding's, for a word met twice.
    return gradient.coalesce().values() if gradient.is_sparse else gradient


def _values(tensor: Tensor) -> Tensor:
    return tensor._values() if tensor.is_sparse else tensor


def _norm_in_double(gradients: list[Tensor]) -> float:
    return float(gradient_norm([_summed(gradient).double() for gradient in gradients]))
