"""Batches of any structure on the device of the model; on CUDA one batch ahead, from pinned memory.

Sources: https://docs.pytorch.org/tutorials/intermediate/pinmem_nonblock.html and
https://docs.pytorch.org/docs/stable/generated/torch.Tensor.record_stream.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

from fivestep.nests import mapped

Device = torch.device | str | int

_ONLY_ONE = ("cpu", "meta")  # cpu and cpu:0 are one device
_WITHOUT_DOUBLE = {torch.float64: "float()", torch.complex128: "to(torch.complex64)"}


def device_of(model: Any) -> torch.device | None:
    """Tell where a model lives; None for a callable without parameters, or on several devices."""
    if not isinstance(model, nn.Module):
        return None
    devices = {held.device for held in (*model.parameters(), *model.buffers())}
    return devices.pop() if len(devices) == 1 else None


def moved(value: Any, device: Device, *, non_blocking: bool = False) -> Any:
    """Put every tensor of a nest on ``device``.

    Args:
        value: tensors in tuples, named tuples, lists, mappings (``BatchEncoding`` too) and
            dataclasses, as deep as they go; or objects with a method ``to`` of their own. All
            else, such as text, numbers and arrays, is handed through.
        device: where to.
        non_blocking: do not wait for the copy, which is true of copies from pinned memory alone.

    Returns:
        The same object if nothing in it had to move; else a new one of its type, in which what
        stood there already is shared. Nothing of ``value`` is changed, but what its own ``to``
        changes in place.

    Raises:
        TypeError: float64 on Apple's MPS, which has none.
    """
    target = _exact(torch.device(device))
    if isinstance(value, Tensor):  # most often
        return _to(value, target, non_blocking)
    return mapped(
        value,
        lambda tensor: _to(tensor, target, non_blocking),
        lambda other: _by_itself(other, target, non_blocking),
    )


class Moving:
    """Batches on a device. On CUDA the next one is on its way while this one is computed with.

    There a tensor that is not pinned yet is pinned (``DataLoader(pin_memory=True)`` does that in a
    thread of its own, which is faster), copied on a side stream, and handed out when the copy has
    arrived. So the iterable is asked for one batch ahead, never for one beyond its end, and what it
    raises is raised where its batch would have come. On other devices every batch is moved when it
    is asked for.
    """

    def __init__(self, batches: Iterable[Any], device: Device) -> None:
        self._batches, self.device = batches, _exact(torch.device(device))

    def __len__(self) -> int:
        return len(cast("Any", self._batches))

    def __iter__(self) -> Iterator[Any]:
        if self.device.type != "cuda":
            return (moved(batch, self.device) for batch in self._batches)
        return one_ahead(self._batches, _Upload(self.device))


def one_ahead(batches: Iterable[Any], send: Callable[[Any], Callable[[], Any]]) -> Iterator[Any]:
    """Send every batch on its way before the one before it is handed out, and wait for it then.

    Args:
        batches: what to go through.
        send: starts to move a batch; what it returns waits for the end of that.
    """
    iterator = iter(batches)
    coming = _fetch(iterator, send)
    while coming is not None:
        batch = coming()
        coming = _fetch(iterator, send)
        yield batch


def _fetch(
    iterator: Iterator[Any], send: Callable[[Any], Callable[[], Any]]
) -> Callable[[], Any] | None:
    try:
        return send(next(iterator))
    except StopIteration:
        return None
    except Exception as error:
        return _raising(error)


def _raising(error: Exception) -> Callable[[], Any]:
    def arrive() -> Any:
        raise error

    return arrive


class _Upload:
    """Copies a batch on a side stream."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)

    def __call__(self, batch: Any) -> Callable[[], Any]:
        if not _is_known(batch):  # its tensors cannot be reached to say which stream uses them
            return lambda: moved(batch, self._device)
        with torch.cuda.stream(self._stream):
            sent = mapped(batch, self._send, lambda other: other)
            done = self._stream.record_event()
        return lambda: self._arrive(sent, done)

    def _send(self, tensor: Tensor) -> Tensor:
        if tensor.device == self._device:
            return tensor
        if tensor.is_cpu and tensor.layout is torch.strided and not tensor.is_pinned():
            tensor = tensor.pin_memory()
        return _to(tensor, self._device, non_blocking=True)

    def _arrive(self, sent: Any, done: Any) -> Any:
        current = torch.cuda.current_stream(self._device)
        current.wait_event(done)
        # Its memory belongs to the side stream, which must not use it again too early.
        mapped(sent, lambda tensor: _noted(tensor, current), lambda other: other)
        return sent


def _noted(tensor: Tensor, stream: torch.cuda.Stream) -> Tensor:
    tensor.record_stream(stream)
    return tensor


def _exact(device: torch.device) -> torch.device:
    # "cuda" is not equal to the "cuda:0" where a tensor lies.
    if device.type in _ONLY_ONE:
        return torch.device(device.type)
    if cast("int | None", device.index) is not None:
        return device
    if device.type == "mps" or not torch.accelerator.is_available():
        return torch.device(device.type, 0)
    return torch.device(device.type, torch.get_device_module(device).current_device())


def _to(tensor: Tensor, device: torch.device, non_blocking: bool) -> Tensor:
    there = tensor.device
    if there == device or (there.type == device.type and there.type in _ONLY_ONE):
        return tensor
    if device.type == "mps" and tensor.dtype in _WITHOUT_DOUBLE:
        raise TypeError(
            f"a tensor of shape {tuple(tensor.shape)} is {tensor.dtype}, which MPS does not have\n"
            f"  do: make it smaller before, with .{_WITHOUT_DOUBLE[tensor.dtype]}, or train on the "
            "CPU"
        )
    return tensor.to(device, non_blocking=non_blocking)


def _by_itself(value: Any, device: torch.device, non_blocking: bool) -> Any:
    try:
        return value.to(device, non_blocking=non_blocking)
    except TypeError:  # it takes the device alone
        return value.to(device)


def _is_known(value: Any) -> bool:
    """Tell whether every tensor in a nest can be reached."""
    unknown: list[Any] = []
    mapped(value, lambda tensor: tensor, lambda other: unknown.append(other) or other)
    return not unknown
