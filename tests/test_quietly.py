"""Measuring leaves no trace: no mode counts it, no graph holds it, and all is as it was before."""

from __future__ import annotations

import random
import signal
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from fivestep.page.lost import Loss
from fivestep.vitals.measure import quietly
from fivestep.vitals.samples import _rows  # pyright: ignore[reportPrivateUsage]


class Counting(TorchDispatchMode):
    calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.calls += 1
        return func(*args, **(kwargs or {}))


class Functions(TorchFunctionMode):
    calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("graded", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_no_mode_counts_and_all_is_put_back(graded: bool, fails: bool) -> None:
    weight = torch.ones(2, requires_grad=True)
    outer, inner, functions = Counting(), Counting(), Functions()
    with outer, inner, functions, torch.set_grad_enabled(graded):
        before = functions.calls, outer.calls, inner.calls
        try:
            with quietly(), quietly():
                assert not torch.is_grad_enabled()
                assert not (weight * 2).requires_grad
                assert Loss((weight * 2).sum()).value == 4
                assert _rows(torch.arange(40.0).reshape(4, 10))
                if fails:
                    raise RuntimeError
        except RuntimeError:
            pass
        assert (functions.calls, outer.calls, inner.calls) == before
        assert torch.is_grad_enabled() is graded
        assert (weight * 2).requires_grad is graded
        assert outer.calls > before[1]
        assert inner.calls > before[2]
        assert functions.calls > before[0]


def test_a_loss_is_looked_at_without_a_trace() -> None:
    made = torch.ones(2, requires_grad=True).sum()
    with Counting() as counting, Functions() as functions:
        loss = Loss(made)
        assert (loss.value, loss.is_lost, loss.is_of(made)) == (2.0, False, True)
        assert counting.calls == 0
        assert functions.calls <= 3  # its shape and its kind


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer that interrupts")
def test_interrupted_at_any_instant_all_is_as_it_was() -> None:
    """As Ctrl-C would: hundreds of times, wherever it falls."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before, tensor = signal.signal(signal.SIGALRM, interrupt), torch.ones(())
    drawn, left = random.Random(0), 0
    try:
        for _ in range(300):
            try:
                signal.setitimer(signal.ITIMER_REAL, drawn.uniform(2e-4, 6e-4))
                while True:
                    with quietly():
                        tensor.item()
            except KeyboardInterrupt:
                pass
            functions = Functions()
            with functions:
                torch.add(tensor, 1)
            left += not torch.is_grad_enabled() or functions.calls == 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert left == 0


@pytest.mark.parametrize("scale", [1.0, float("nan"), float("inf")])
def test_a_loss_is_read_once_and_again_when_it_was_changed(scale: float) -> None:
    tensor = torch.tensor(3.0 * scale, requires_grad=True) * 1
    loss = Loss(tensor)
    assert loss.is_of(tensor)
    assert loss.is_lost is (scale != 1)
    assert str(loss.value) == str(3.0 * scale)
    assert not loss.is_of(tensor.clone())
    with torch.no_grad():
        tensor /= 4
    assert not loss.is_of(tensor)
    assert str(Loss(tensor).value) == str(0.75 * scale)


@pytest.mark.parametrize(
    "tensor",
    [torch.zeros(2), torch.zeros((), device="meta"), torch.zeros((), dtype=torch.complex64)],
)
def test_what_is_no_number_has_no_value(tensor: torch.Tensor) -> None:
    loss = Loss(tensor)
    assert loss.value is None
    assert not loss.is_lost


def test_in_inference_mode_too() -> None:
    with torch.inference_mode():
        tensor = torch.tensor(2.0)
        loss = Loss(tensor)
        assert loss.is_of(tensor)
        assert loss.value == 2.0


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(40.0, dtype=torch.float64).reshape(4, 10),
        torch.arange(40.0, dtype=torch.bfloat16).reshape(4, 10),
        torch.arange(40.0, dtype=torch.float16).reshape(4, 10).t(),
        torch.arange(4 * 300).reshape(4, 3, 100),
        torch.arange(40.0, requires_grad=True).reshape(4, 10) * 2,
        torch.arange(40).reshape(4, 10) % 3 == 0,
        torch.imag(torch.complex(torch.zeros(4, 10), torch.arange(40.0).reshape(4, 10)).conj()),
    ],
)
def test_rows_are_known_by_their_numbers_whatever_their_type(tensor: torch.Tensor) -> None:
    exact = tensor.detach().to(torch.float64)
    assert _rows(tensor) == _rows(exact)
    assert len(set(_rows(tensor) or ())) > 1
    other = exact.clone()
    other[0, 0] += 1
    changed = _rows(other)
    assert changed is not None
    assert changed[0] != (_rows(exact) or [])[0]
