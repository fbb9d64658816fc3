"""Tensors to numbers, without a trace: no random number, no sync, no entry in anybody's graph."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import _ops as ops  # pyright: ignore[reportPrivateUsage]
from torch._C import _functorch as functorch  # pyright: ignore[reportAttributeAccessIssue, reportPrivateImportUsage]
from torch.utils import _python_dispatch as dispatch

from fivestep.vitals.facts import Numbers, TensorFacts

ROWS = FEATURES = 64  # elements of a sample along each side
WHOLE = 65_536  # elements: a prediction of classes is sampled in whole rows up to this
LABELS = 4096  # whole numbers of which all are counted
# Of symmetric layers, rounding parts the rows by 3e-6 of what they moved at most; random biases
# by 1.5e-3.
ROUNDING = 1e-4
PIECE = 65_536  # elements of a parameter that its norms are taken over

Array = np.ndarray[Any, np.dtype[np.float64]]
_PLAIN = (torch.Tensor, torch.nn.Parameter)


@contextmanager
def quietly() -> Generator[None]:
    """Measure outside of the user's graph and of every mode that counts or rewrites operations.

    It is entered several times in every iteration, so torch's own way of disabling modes, which
    costs five times as much, is taken only where there are modes. Ctrl-C at any instant leaves
    everything as it was: no Python stands between a change and what takes it back.
    """
    graded = torch.is_grad_enabled()
    with torch._C.DisableTorchFunction():
        try:
            torch._C._set_grad_enabled(False)
            if torch._C._len_torch_dispatch_stack() or ops._len_torch_dispatch_stack_pre_dispatch():
                with dispatch._disable_current_modes():
                    yield
            else:
                yield
        finally:
            torch._C._set_grad_enabled(graded)


def measurable(tensor: torch.Tensor) -> bool:
    """Tell whether numbers can be taken: a dense, real tensor with memory of its own kind."""
    return (
        type(tensor) in _PLAIN
        and tensor.layout is torch.strided
        and tensor.device.type != "meta"
        and not tensor.is_quantized
        and not tensor.is_complex()
        and not functorch.is_functorch_wrapped_tensor(tensor)
        and not (tensor.is_cuda and torch.cuda.is_current_stream_capturing())
    )


def at_once(tensor: torch.Tensor) -> bool:
    """Tell whether reading a value waits for nothing."""
    return tensor.device.type == "cpu"


class Later:
    """Numbers that are on their way: read at once on the CPU, in bulk on an accelerator."""

    def __init__(self) -> None:
        self._waiting: list[tuple[torch.Tensor, tuple[int, ...], Callable[[Array], None]]] = []

    def read(self, tensor: torch.Tensor, then: Callable[[Array], None]) -> None:
        """Hand the values, as float64, to ``then``: now or at the next ``flush``."""
        values = tensor.detach()
        if at_once(values):
            then(values.to(torch.float64).numpy())
            return
        # Apple's GPUs have no float64.
        kind = torch.float32 if values.device.type == "mps" else torch.float64
        self._waiting.append((values.to(kind, copy=True).reshape(-1), values.shape, then))

    def flush(self) -> None:
        """Read everything that waits, with one transfer for each device."""
        waiting, self._waiting = self._waiting, []
        for device in {flat.device for flat, _, _ in waiting}:
            here = [one for one in waiting if one[0].device == device]
            together = torch.cat([flat for flat, _, _ in here]).cpu().double().numpy()
            start = 0
            for flat, shape, then in here:
                then(together[start : start + flat.numel()].reshape(shape))
                start += flat.numel()


def sample(tensor: torch.Tensor, classes: int | None = None) -> torch.Tensor:
    """Take at most 64 x 64 elements, evenly spaced, as rows; whole rows along ``classes``."""
    values = tensor.detach()
    if classes is not None and values.dim() > classes:
        rows = values.movedim(classes, -1).reshape(-1, values.shape[classes])
        keep = max(2, min(4 * ROWS, WHOLE // max(rows.shape[1], 1)))
        return rows[:: max(1, math.ceil(len(rows) / keep))]
    rows = values.reshape(len(values), -1) if values.dim() else values.reshape(1, 1)
    down = max(1, math.ceil(rows.shape[0] / ROWS))
    across = max(1, math.ceil(rows.shape[1] / FEATURES))
    return rows[::down, ::across]


def describe(tensor: torch.Tensor) -> TensorFacts:
    """Shape and kind of a tensor, and what made it."""
    return TensorFacts(
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        device=str(tensor.device),
        requires_grad=tensor.requires_grad,
        leaf=tensor.grad_fn is None,
        identity=identity(tensor),
        behind=behind(tensor.grad_fn),
        packed=measurable(tensor) and tensor.is_contiguous(),
    )


def identity(tensor: torch.Tensor) -> int:
    """The same number for the same memory."""
    if type(tensor) not in _PLAIN or tensor.layout is not torch.strided:
        return id(tensor)
    try:
        return tensor.data_ptr()
    except RuntimeError:  # a tensor without memory of its own, as inside torch.func
        return id(tensor)


def behind(node: Any, limit: int = 12) -> tuple[str, ...]:
    """Names of the operations behind a tensor, nearest first."""
    names: list[str] = []
    near = [node] if node is not None else []
    while near and len(names) < limit:
        nearest = near.pop(0)
        names.append(_short(nearest))
        near += [after for after, _ in nearest.next_functions if after is not None]
    return tuple(names)


def _short(node: Any) -> str:
    return node.name().rsplit("::", 1)[-1]


def fill(
    facts: TensorFacts,
    tensor: torch.Tensor,
    later: Later,
    *,
    classes: int | None = None,
    rows: bool = False,
) -> TensorFacts:
    """Add the numbers of a tensor to its facts (they arrive when ``later`` is flushed)."""
    if not measurable(tensor) or tensor.numel() == 0:
        return facts
    ends: list[float] = [math.nan, math.nan]
    seen = sample(tensor, classes)
    free = not tensor.is_floating_point() or tensor.device.type == "cpu"
    whole = free and tensor.numel() <= LABELS

    def keep_ends(values: Array) -> None:
        ends[:] = [float(values[0]), float(values[1])]

    def keep_sample(values: Array) -> None:
        facts.numbers = numbers(values, ends[0], ends[1])
        if rows and values.shape[1] >= 4:
            varied = values.min(axis=1) < values.max(axis=1)
            facts.numbers.rows = tuple(_digest(row) for row in values[varied])

    def keep_counts(values: Array) -> None:
        if facts.numbers is not None and facts.numbers.integers:
            facts.numbers.integers = bool(np.all(values == np.rint(values)))
            facts.numbers.counts = _counts(values) if facts.numbers.integers else None

    plain = tensor.detach()
    low, high = torch.aminmax(plain.to(torch.uint8) if plain.dtype is torch.bool else plain)
    later.read(torch.stack((low, high)), keep_ends)
    later.read(seen, keep_sample)
    if whole and seen.numel() < tensor.numel():
        later.read(plain, keep_counts)
    return facts


def numbers(rows: Array, lowest: float, highest: float) -> Numbers:
    """Statistics of a sample given as rows."""
    finite = math.isfinite(lowest) and math.isfinite(highest)
    with np.errstate(all="ignore"):
        integers = bool(finite and np.all(rows == np.rint(rows)))
        means, stds = rows.mean(axis=0), rows.std(axis=0)
        sums, exps = rows.sum(axis=1), np.exp(rows).sum(axis=1)
        flat = np.sort(rows, axis=None)
        tenth = len(flat) // 10
        return Numbers(
            lowest=lowest,
            highest=highest,
            mean=float(rows.mean()),
            std=float(rows.std()),
            finite=finite,
            zeros=float(np.mean(rows == 0)),
            integers=integers,
            distinct=1 + int(np.count_nonzero(flat[1:] != flat[:-1])),
            counts=_counts(rows) if integers else None,
            spread=float(stds.mean()),
            feature_means=(float(means.min()), float(means.max())),
            feature_stds=(float(stds.min()), float(stds.max())),
            row_sums=(float(sums.min()), float(sums.max())),
            exp_sums=(float(exps.min()), float(exps.max())),
            digest=_digest(rows),
            tenths=(float(flat[tenth]), float(flat[-1 - tenth])),
        )


def _counts(values: Array) -> dict[str, int] | None:
    found, times = np.unique(values, return_counts=True)
    if len(found) > 1000:
        return None
    return {str(int(value)): int(count) for value, count in zip(found, times, strict=True)}


def _digest(values: Array) -> int:
    return zlib.crc32(np.ascontiguousarray(values).tobytes())


def tensors_in(value: Any, limit: int = 8) -> list[torch.Tensor]:
    """The tensors in a value: itself, or those in its tuples, lists and dicts, in order."""
    found: list[torch.Tensor] = []
    near = [value]
    while near and len(found) < limit:
        first = near.pop(0)
        if isinstance(first, torch.Tensor):
            found.append(first)
        elif isinstance(first, (tuple, list)):
            near = [*first[:64], *near]
        elif isinstance(first, dict):
            near = [*list(first.values())[:64], *near]
    return found


def piece(tensor: torch.Tensor) -> torch.Tensor:
    """The first 65,536 elements of a tensor, flat (a view where memory allows)."""
    flat = tensor.detach()
    flat = flat.view(-1) if flat.is_contiguous() else flat.reshape(-1)
    return flat[:PIECE]


def rows_alike(tensor: torch.Tensor, initial: tuple[float, float] | None = None) -> bool:
    """Tell whether all rows are equal, of two at least.

    Where the tensor was constant at the start (``initial``), rounding may part them a little: by
    less than ``ROUNDING`` of what it has moved.
    """
    rows = tensor.detach()
    if rows.dim() < 2 or len(rows) < 2:
        return False
    apart = float((rows - rows[:1]).abs().max())
    if apart == 0 or initial is None or initial[0] != initial[1]:
        return apart == 0
    return apart < ROUNDING * float((rows - initial[0]).abs().max())


def units_alike(tensor: torch.Tensor, initial: tuple[float, float] | None, gates: int) -> bool:
    """The same for each gate of a recurrent layer by itself: their rows lie below each other."""
    return all(rows_alike(rows, initial) for rows in tensor.detach().chunk(gates))


def norms(tensors: list[torch.Tensor]) -> torch.Tensor:
    """2-norms of tensors of one device, as one float tensor."""
    return torch.stack([one.float() for one in torch._foreach_norm(tensors)])  # pyright: ignore[reportPrivateImportUsage]
