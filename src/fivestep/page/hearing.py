"""Where the five steps of a script are heard and held: around what ``listen`` hears.

A step that a knob takes away is never called, so the doctor does not hear it either.
"""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import functools
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional
from torch import nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.data import dataloader

from fivestep.listen.losses import LOSSES
from fivestep.listen.modules import is_loss
from fivestep.listen.patches import Patches
from fivestep.loop import Step

if TYPE_CHECKING:
    from fivestep.page.stage import Stage


class Hearing:
    """Puts a stage around the functions of torch that are the five steps."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._early, self._patches = Patches(), Patches()
        self._updating: list[FrameType] = []

    def open_early(self) -> None:
        """Before the doctor opens its ears: what a knob does before an update, it hears done."""
        self._early.hold(register_optimizer_step_pre_hook(self._update_begins))

    def open(self) -> None:
        """When the doctor has opened its ears."""
        replace = self._patches.replace
        replace(nn.Module, "__call__", self._hear_module)
        for name in LOSSES:
            replace(torch.nn.functional, name, self._hear_loss)
        for owner in (torch.optim.Optimizer, nn.Module):
            replace(owner, "zero_grad", self._hear_clear)
        replace(torch.autograd, "backward", self._hear_backward)
        replace(torch.optim.Optimizer, "__init__", self._hear_making)
        replace(torch.amp.grad_scaler.GradScaler, "scale", self._hear_scale)
        replace(dataloader.DataLoader, "__iter__", self._hear_epoch)
        replace(dataloader._BaseDataLoaderIter, "__next__", self._hear_batch)
        for name in ("script", "trace"):
            replace(torch.jit, name, functools.partial(self._deaf, frames=name == "script"))
        self._patches.hold(register_optimizer_step_post_hook(self._update_ends))

    def close(self) -> None:
        """Put everything back."""
        self._patches.restore()
        self._early.restore()

    @property
    def updating(self) -> bool:
        """An update is going on: what happens now happens in its closure."""
        return bool(self._updating)

    # -- forward and loss -----------------------------------------------------------------------

    def _hear_module(self, original: Any) -> Any:
        compiling, stage = torch.compiler.is_dynamo_compiling, self._stage

        def __call__(module: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            if compiling() or not stage.hears():
                return original(module, *args, **kwargs)
            step = _step_of(module)
            if step is None:
                with stage.inside():
                    return original(module, *args, **kwargs)
            frame = sys._getframe(1)
            stage.begins(step, frame, module, () if kwargs else args)
            with stage.inside():
                result = original(module, *args, **kwargs)
            stage.ends(step, frame, result, call=(module, args, kwargs))
            return result

        __call__.__wrapped__ = original  # pyright: ignore[reportFunctionMemberAccess]
        __call__.__qualname__ = "Module.__call__"
        __call__.__module__ = nn.Module.__module__
        return __call__

    def _hear_loss(self, original: Any) -> Any:
        compiling, stage = torch.compiler.is_dynamo_compiling, self._stage

        @functools.wraps(original)
        def heard(*args: Any, **kwargs: Any) -> Any:
            if compiling() or not stage.hears() or not torch.is_grad_enabled():
                return original(*args, **kwargs)
            frame = sys._getframe(1)
            stage.begins(Step.LOSS, frame)
            with stage.inside():
                result = original(*args, **kwargs)
            stage.ends(Step.LOSS, frame, result, call=(original, args, kwargs))
            return result

        return heard

    # -- zero_grad and backward -----------------------------------------------------------------

    def _hear_clear(self, original: Any) -> Any:
        compiling, stage = torch.compiler.is_dynamo_compiling, self._stage

        @functools.wraps(original)
        def heard(*args: Any, **kwargs: Any) -> Any:
            if compiling() or not stage.hears() or not args:
                return original(*args, **kwargs)
            frame = sys._getframe(1)
            stage.script_clears(args[0], original, args[1:], kwargs)
            stage.begins(Step.ZERO_GRAD, frame)
            leave_out = stage.leaves_out_clear()
            if not leave_out:
                with stage.inside():
                    original(*args, **kwargs)
            stage.ends(Step.ZERO_GRAD, frame, None, skipped=leave_out)
            return None

        return heard

    def _hear_backward(self, original: Any) -> Any:
        compiling, stage = torch.compiler.is_dynamo_compiling, self._stage

        @functools.wraps(original)
        def heard(*args: Any, **kwargs: Any) -> Any:
            if compiling() or not stage.hears():
                return original(*args, **kwargs)
            frame = sys._getframe(1)
            tensors = args[0] if args else kwargs.get("tensors")
            stage.judged(tensors, frame)
            stage.begins(Step.BACKWARD, frame)
            with stage.inside():
                original(*args, **kwargs)
            stage.ends(Step.BACKWARD, frame, None)
            return None

        return heard

    def _hear_scale(self, original: Any) -> Any:
        stage = self._stage

        @functools.wraps(original)
        def heard(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if len(args) > 1 and stage.hears():
                stage.scaled(args[1], result)
            return result

        return heard

    # -- update ---------------------------------------------------------------------------------

    def _update_begins(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        stage = self._stage
        if torch.compiler.is_dynamo_compiling() or not stage.hears():
            return
        frame = sys._getframe(1)
        while self._updating and not _is_running(self._updating[-1]):
            self._updating.pop()  # it raised an error, and the program went on
        self._updating.append(frame)
        if len(self._updating) == 1:  # else a wrapper around it, or a call of super().step
            closure = (args[1] if len(args) > 1 else kwargs.get("closure")) is not None
            stage.update_begins(optimizer, frame, closure=closure)

    def _update_ends(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        stage = self._stage
        if torch.compiler.is_dynamo_compiling() or not stage.hears() or not self._updating:
            return
        self._updating.pop()
        if not self._updating:
            stage.ends(Step.UPDATE, sys._getframe(1), None)

    def _hear_making(self, original: Any) -> Any:
        stage = self._stage

        @functools.wraps(original)
        def heard(*args: Any, **kwargs: Any) -> Any:
            original(*args, **kwargs)
            if args and stage.hears():
                stage.made(args[0])

        return heard

    # -- data -----------------------------------------------------------------------------------

    def _hear_epoch(self, original: Any) -> Any:
        stage = self._stage

        @functools.wraps(original)
        def heard(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if args and stage.hears():
                stage.epoch_begins(args[0])
            return result

        return heard

    def _hear_batch(self, original: Any) -> Any:
        stage = self._stage

        @functools.wraps(original)
        def heard(*args: Any, **kwargs: Any) -> Any:
            if not stage.hears():
                return original(*args, **kwargs)
            began = time.perf_counter()
            try:
                with stage.inside():
                    result = original(*args, **kwargs)
            except StopIteration:
                stage.epoch_ends()
                raise
            stage.batch_came(time.perf_counter() - began)
            return result

        return heard

    # -- what looks at sources ------------------------------------------------------------------

    def _deaf(self, original: Any, *, frames: bool) -> Any:
        """TorchScript reads the source of what it is given: let it find the originals."""

        @functools.wraps(original)
        def deaf(*args: Any, **kwargs: Any) -> Any:
            if frames and len(args) < 3:  # names are looked up in the caller's frame: not in ours
                kwargs["_frames_up"] = kwargs.get("_frames_up", 0) + 1
            self._patches.restore()  # first ours, for the doctor's ears lie below
            try:
                return original(*args, **kwargs)
            finally:
                if self._stage.on:
                    self.open()

        return deaf


def _step_of(module: Any) -> Step | None:
    """Judging, or answering with gradients in sight; None for everything else."""
    if not torch.is_grad_enabled():
        return None
    if is_loss(module):
        return Step.LOSS
    trains = any(one.requires_grad for one in nn.Module.parameters(module))
    return Step.FORWARD if trains else None


def _is_running(frame: FrameType) -> bool:
    near: FrameType | None = sys._getframe(1)
    while near is not None and near is not frame:
        near = near.f_back
    return near is not None
