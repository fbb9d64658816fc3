"""The places in PyTorch where the five steps can be heard, and what is noted at each."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
import torch.nn.functional
from torch import nn
from torch.nn.modules.loss import _Loss
from torch.optim import lr_scheduler
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.data import dataloader

from fivestep.listen.patches import Patches, around
from fivestep.listen.site import here
from fivestep.vitals.quick import (
    BATCH,
    CLEAR,
    FORWARD,
    Quick,
    backward_key,
    loss_key,
    update_key,
)
from fivestep.vitals.recorder import Recorder

LOSSES = (
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss",
    "cross_entropy", "ctc_loss", "gaussian_nll_loss", "hinge_embedding_loss", "huber_loss",
    "kl_div", "l1_loss", "margin_ranking_loss", "mse_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "poisson_nll_loss",
    "smooth_l1_loss", "soft_margin_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
)  # fmt: skip
DROPOUTS = (
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "alpha_dropout",
    "feature_alpha_dropout",
)
READS = ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__")


_A_FORWARD, _A_LOSS = 1, 2
_EXPECTED = object()  # an update that went as it was expected to


class Stream(threading.local):
    """What one thread is in the middle of."""

    recorder: Recorder | None = None
    depth = 0  # of modules
    backwards = 0
    losses = 0
    steps: list[Any]
    stepping: FrameType | None = None  # of the outermost update
    scheduling = 0
    states = 0
    busy = 0  # in our own code, or where nothing is to be heard

    def __init__(self) -> None:
        self.steps = []


class Ears:
    """Listens between ``open`` and ``close``. Each thread that trains gets a recorder."""

    def __init__(
        self, models: tuple[nn.Module, ...] = (), optimizers: tuple[Any, ...] = ()
    ) -> None:
        self.recorders: list[Recorder] = []
        self.problem: BaseException | None = None
        self.on = False
        self.reads = torch.accelerator.is_available()  # else there is nothing to wait for
        self._models, self._optimizers = models, optimizers
        self._patches = Patches()
        self._handles: list[Any] = []
        self._stream = Stream()
        self._loaders: dict[int, int] = {}  # a live iterator -> number of its loader
        self._in_backward = 0

    def failed(self, error: BaseException) -> None:
        """Something of ours went wrong: say it once, hear nothing more."""
        if self.problem is None:
            self.problem = error
        self.on = False

    def open(self) -> None:
        """Begin to listen."""
        self.on = True
        replace = self._patches.replace
        replace(nn.Module, "__call__", self._hear_module)
        for name in LOSSES:
            replace(torch.nn.functional, name, functools.partial(self._hear_loss, name=name))
        for name in DROPOUTS:
            replace(torch.nn.functional, name, self._hear_dropout)
        replace(torch.optim.Optimizer, "zero_grad", self._hear_clear)
        replace(nn.Module, "zero_grad", self._hear_clear)
        replace(torch.autograd, "backward", self._hear_backward)
        replace(torch.autograd, "grad", self._hear_grad)
        self._handles = [
            register_optimizer_step_pre_hook(self._step_begins),
            register_optimizer_step_post_hook(self._step_ends),
        ]
        replace(torch.optim.Optimizer, "__init__", self._hear_making)
        for name in ("clip_grad_norm_", "clip_grad_value_"):
            replace(torch.nn.utils, name, functools.partial(self._hear_clip, name=name))
            replace(torch.nn.utils.clip_grad, name, functools.partial(self._hear_clip, name=name))
        self._open_schedules(replace)
        for action in ("scale", "unscale_", "step", "update"):
            scaler = torch.amp.grad_scaler.GradScaler
            replace(scaler, action, functools.partial(self._hear_scaler, action=action))
        replace(dataloader._BaseDataLoaderIter, "__next__", self._hear_next)
        replace(dataloader.DataLoader, "__iter__", self._hear_iter)
        for name in ("__eq__", "eq"):
            replace(torch.Tensor, name, self._hear_equal)
        replace(torch, "eq", self._hear_equal)
        for owner in (torch, torch.Tensor):
            for name in ("argmax", "max"):
                replace(owner, name, functools.partial(self._hear_pick, name=name))
        replace(nn.Module, "state_dict", self._hear_state)
        replace(nn.Module, "load_state_dict", self._hear_load)
        replace(torch, "save", self._hear_save)
        for name in ("script", "trace"):
            replace(torch.jit, name, self._hear_nothing)
        if self.reads:
            for name in READS:
                replace(torch.Tensor, name, functools.partial(self._hear_read, name=name))

    def _open_schedules(self, replace: Callable[..., None]) -> None:
        kinds = [one for one in vars(lr_scheduler).values() if isinstance(one, type)]
        for kind in kinds:
            if issubclass(kind, lr_scheduler.LRScheduler):
                if "step" in vars(kind):
                    replace(kind, "step", self._hear_schedule)
                if "__init__" in vars(kind):
                    replace(kind, "__init__", self._hear_schedule_making)

    def close(self) -> None:
        """Stop listening and put everything back."""
        self.on = False
        self._patches.restore()
        for handle in self._handles:
            handle.remove()
        self._handles = []

    # -- whose turn is it -----------------------------------------------------------------------

    def _recorder(self) -> Recorder | None:
        """The recorder of this thread; None while nothing is to be heard."""
        stream = self._stream
        if not self.on or stream.busy or stream.backwards:
            return None
        recorder = stream.recorder or self._begin_thread()
        if recorder is not None and recorder.quick.active:
            recorder.quick.leave()  # something else happens than was expected
        return recorder

    def _begin_thread(self) -> Recorder | None:
        # A thread of autograd or of the interpreter's C side, in which the user wrote nothing.
        if isinstance(threading.current_thread(), threading._DummyThread) or self._in_backward:
            return None
        recorder = self._stream.recorder = Recorder(narrowed=bool(self._models or self._optimizers))
        self.recorders.append(recorder)
        return recorder

    def _wanted(self, module: Any) -> bool:
        return not self._models or any(module is one for one in self._models)

    # -- 1. forward -----------------------------------------------------------------------------

    def _hear_module(self, original: Any) -> Any:
        compiling, stream = torch.compiler.is_compiling, self._stream

        def __call__(module: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            if compiling() or not self.on:
                return original(module, *args, **kwargs)
            recorder = stream.recorder
            if recorder is not None and recorder.quick.active:
                if stream.depth or stream.backwards:
                    return original(module, *args, **kwargs)
                expected = self._quick_module(recorder.quick, module, args, sys._getframe(1))
                if expected:
                    stream.depth = expected == _A_FORWARD
                    try:
                        return original(module, *args, **kwargs)
                    finally:
                        stream.depth = 0
                        if expected == _A_LOSS:
                            recorder.quick.near = ()
            if stream.depth:
                if stream.recorder is None or not self._inner_wanted(stream):
                    return original(module, *args, **kwargs)
                return self._inner(original, module, args, kwargs)
            if stream.busy or stream.backwards:
                return original(module, *args, **kwargs)
            return self._outer(original, module, args, kwargs)

        __call__.__wrapped__ = original  # pyright: ignore[reportFunctionMemberAccess]
        __call__.__qualname__ = "Module.__call__"
        __call__.__module__ = nn.Module.__module__
        return __call__

    def _quick_module(self, quick: Quick, module: Any, args: Any, frame: FrameType) -> int:
        """The module that was expected is called, or that of the loss that is expected."""
        try:
            if quick.expects_loss() and _is_loss(module):
                quick.near = (id(frame.f_code), frame.f_lasti)
                return _A_LOSS
            return _A_FORWARD if quick.forward(module, args, frame) else 0
        except Exception as error:
            self.failed(error)
            return 0

    def _inner_wanted(self, stream: Stream) -> bool:
        recorder = stream.recorder
        opened = recorder.forward if recorder is not None else None
        return opened is not None and opened.event is not None and not stream.busy

    def _outer(self, original: Any, module: Any, args: Any, kwargs: Any) -> Any:
        stream, opened, loss = self._stream, None, False
        frame = sys._getframe(2)
        try:
            recorder = self._recorder()
            loss = _is_loss(module)
            if recorder is not None and loss:
                recorder.quick.near = (id(frame.f_code), frame.f_lasti)
            if recorder is not None and not loss and self._wanted(module):
                stream.busy += 1
                try:
                    opened = recorder.forward_begins(module, args, kwargs, here(frame))
                    key = (FORWARD, id(frame.f_code), frame.f_lasti, id(module))
                    recorder.quick.learn(key)
                finally:
                    stream.busy -= 1
        except Exception as error:
            self.failed(error)
        stream.depth += not loss
        wrote = self._losses_written()
        result, problem = None, ""
        try:
            result = original(module, *args, **kwargs)
        except BaseException as error:
            problem = f"{type(error).__name__}: {error}"
            raise
        finally:
            stream.depth -= not loss
            self._outer_ends(module, opened, loss, wrote, args, result, problem)
        return result

    def _losses_written(self) -> int:
        recorder = self._stream.recorder
        return recorder.losses if recorder is not None else 0

    def _outer_ends(
        self, module: Any, opened: Any, loss: bool, wrote: int, args: Any, result: Any, problem: str
    ) -> None:
        stream = self._stream
        recorder = stream.recorder
        if recorder is None or not self.on:
            return
        stream.busy += 1
        recorder.quick.near = ()
        try:
            if opened is not None:
                recorder.forward_ends(opened, result, problem)
            elif loss and not problem and self._losses_written() == wrote and len(args) > 1:
                reduction = getattr(module, "reduction", "mean")
                recorder.loss(
                    type(module).__name__, args[0], args[1], result, {"reduction": reduction},
                    here(sys._getframe(2)),
                )  # fmt: skip
        except Exception as error:
            self.failed(error)
        finally:
            stream.busy -= 1

    def _inner(self, original: Any, module: Any, args: Any, kwargs: Any) -> Any:
        stream, run = self._stream, None
        recorder = stream.recorder
        try:
            run = recorder.module_begins(module) if recorder is not None else None
        except Exception as error:
            self.failed(error)
        result = original(module, *args, **kwargs)
        if run is not None and recorder is not None:
            stream.busy += 1
            try:
                recorder.module_ends(run, args, result)
            except Exception as error:
                self.failed(error)
            finally:
                stream.busy -= 1
        return result

    def _hear_dropout(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder = self._stream.recorder
            if recorder is None or recorder.forward is None or self._recorder() is None:
                return None
            dropping = args[2] if len(args) > 2 else kwargs.get("training", True)
            rate = args[1] if len(args) > 1 else kwargs.get("p", 0.5)
            if dropping and recorder.forward.model.training:
                recorder.drops(float(rate))
            elif dropping and rate:
                recorder.dropped(float(rate), _calling_module(), here(sys._getframe(2)))
            return None

        return around(original, before, _nothing, self.failed)

    # -- 2. loss --------------------------------------------------------------------------------

    def _hear_loss(self, original: Any, *, name: str) -> Any:
        compiling, stream, failed = torch.compiler.is_compiling, self._stream, self.failed

        @functools.wraps(original)
        def heard(*args: Any, **kwargs: Any) -> Any:
            if compiling() or not self.on or stream.losses or stream.busy or stream.backwards:
                return original(*args, **kwargs)
            stream.losses = 1
            try:
                result = original(*args, **kwargs)
            finally:
                stream.losses = 0
            try:
                self._loss(name, args, kwargs, result, sys._getframe(1))
            except Exception as error:
                failed(error)
            return result

        return heard

    def _loss(self, name: str, args: Any, kwargs: Any, result: Any, frame: FrameType) -> None:
        recorder = self._stream.recorder
        if (
            recorder is not None
            and recorder.quick.active
            and recorder.quick.loss(name, args, result, frame)
        ):
            return
        recorder = self._recorder()
        if recorder is not None:
            near = recorder.quick.near
            self._note(recorder.loss, name, *_pair(name, args, kwargs), result, kwargs)
            recorder.quick.learn(loss_key(name, args, result, frame, near))

    def _note(self, method: Any, *args: Any) -> None:
        stream = self._stream
        stream.busy += 1
        try:
            method(*args, here(sys._getframe(2)))
        finally:
            stream.busy -= 1

    # -- 3. zero_grad ---------------------------------------------------------------------------

    def _hear_clear(self, original: Any) -> Any:
        compiling, stream, failed = torch.compiler.is_compiling, self._stream, self.failed

        @functools.wraps(original)
        def heard(*args: Any, **kwargs: Any) -> Any:
            if not compiling() and self.on and args:
                try:
                    recorder, frame = stream.recorder, sys._getframe(1)
                    quick = recorder.quick if recorder is not None else None
                    if quick is None or not quick.active or not quick.clear(args[0], frame):
                        self._cleared(args[0], frame)
                except Exception as error:
                    failed(error)
            return original(*args, **kwargs)

        return heard

    def _cleared(self, owner: Any, frame: FrameType) -> None:
        recorder = self._recorder()
        if recorder is not None and self._owned(owner):
            self._note(recorder.cleared, owner)
            recorder.quick.learn((CLEAR, id(frame.f_code), frame.f_lasti, id(owner)))

    def _owned(self, owner: Any) -> bool:
        if isinstance(owner, nn.Module):
            return self._wanted(owner)
        return not self._optimizers or any(owner is one for one in self._optimizers)

    # -- 4. backward ----------------------------------------------------------------------------

    def _hear_backward(self, original: Any) -> Any:
        slowly = self._hear_backward_slowly(original)
        compiling, stream, failed = torch.compiler.is_compiling, self._stream, self.failed

        @functools.wraps(original)
        def heard(*args: Any, **kwargs: Any) -> Any:
            if compiling() or not self.on:
                return original(*args, **kwargs)
            recorder, expected = stream.recorder, False
            if recorder is not None and recorder.quick.active and not stream.backwards:
                try:
                    expected = recorder.quick.backward(args, kwargs, sys._getframe(1))
                except Exception as error:
                    failed(error)
            if not expected:
                return slowly(*args, **kwargs)
            stream.backwards = self._in_backward = 1
            try:
                return original(*args, **kwargs)
            finally:
                stream.backwards = self._in_backward = 0

        return heard

    def _hear_backward_slowly(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder, stream = self._recorder(), self._stream
            loss = _first(args[0] if args else kwargs.get("tensors"))
            if recorder is None or loss is None:
                return None
            create = bool(args[3] if len(args) > 3 else kwargs.get("create_graph", False))
            retain = args[2] if len(args) > 2 else kwargs.get("retain_graph")
            stream.busy += 1
            try:
                token = recorder.backward_begins(loss, bool(retain), create, here(sys._getframe(2)))
            finally:
                stream.busy -= 1
            stream.backwards += 1
            self._in_backward += 1
            frame = sys._getframe(2)  # who called the function around this one
            key = backward_key(args[0] if args else None, args, kwargs, frame.f_back or frame)
            return recorder, token, key

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, inner, key = token
            recorder.quick.learn(() if error else key)
            stream = self._stream
            stream.backwards -= 1
            self._in_backward -= 1
            stream.busy += 1
            try:
                recorder.backward_ends(inner, f"{type(error).__name__}: {error}" if error else "")
            finally:
                stream.busy -= 1

        return around(original, before, after, self.failed)

    def _hear_grad(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder = self._recorder()
            if recorder is not None:
                create = bool(args[4] if len(args) > 4 else kwargs.get("create_graph", False))
                self._note(recorder.differentiated, create)
            return None

        return around(original, before, _nothing, self.failed)

    # -- 5. update ------------------------------------------------------------------------------

    def _step_begins(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if torch.compiler.is_compiling():
            return
        try:
            stream, frame = self._stream, sys._getframe(2)
            recorder = stream.recorder
            if (
                recorder is not None
                and recorder.quick.active
                and not stream.steps
                and recorder.quick.update(optimizer, args, kwargs, frame)
            ):
                stream.steps.append(_EXPECTED)
                stream.stepping = sys._getframe(1)
                return
            recorder = self._recorder()
            if recorder is None or not self._owned(optimizer):
                return
            if stream.steps and not _is_running(stream.stepping):
                self._forget_step(recorder)  # it raised an error, and the program went on
            if (
                stream.steps
            ):  # a wrapper around the optimizer, or a subclass that calls super().step
                stream.steps.append(None)
                return
            closure = (args[1] if len(args) > 1 else kwargs.get("closure")) is not None
            stream.busy += 1
            try:
                token = recorder.update_begins(optimizer, closure, here(frame))
                stream.steps.append((token, update_key(optimizer, frame)))
                stream.stepping = sys._getframe(1)
            finally:
                stream.busy -= 1
        except Exception as error:
            self.failed(error)

    def _step_ends(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if torch.compiler.is_compiling():
            return
        try:
            stream = self._stream
            if stream.steps and stream.steps[-1] is _EXPECTED:
                stream.steps.pop()
                stream.stepping = None
                return
            recorder = self._recorder()
            if recorder is None or not stream.steps or not self._owned(optimizer):
                return
            token = stream.steps.pop()
            if token is not None:
                stream.stepping = None
                stream.busy += 1
                try:
                    recorder.update_ends(token[0])
                    recorder.quick.learn(token[1])
                finally:
                    stream.busy -= 1
        except Exception as error:
            self.failed(error)

    def _forget_step(self, recorder: Recorder) -> None:
        self._stream.steps.clear()
        recorder.in_step.clear()
        self._stream.stepping = None

    def _hear_making(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder = self._recorder()
            return (recorder, args[0]) if recorder is not None and args else None

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, optimizer = token
            if error is None and self._owned(optimizer):
                self._note(recorder.optimizer, optimizer)

        return around(original, before, after, self.failed)

    # -- around the steps -----------------------------------------------------------------------

    def _hear_clip(self, original: Any, *, name: str) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder = self._recorder()
            if recorder is None:
                return None
            parameters = args[0] if args else kwargs.get("parameters")
            if parameters is not None and not isinstance(parameters, (list, tuple, torch.Tensor)):
                return None  # a generator: looking at it would use it up
            names = ("max_norm", "clip_value")
            limit = args[1] if len(args) > 1 else next(kwargs[n] for n in names if n in kwargs)
            return recorder, parameters, limit

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, parameters, limit = token
            if error is None:
                self._note(recorder.clipped, name, parameters, limit, result)

        heard = around(original, before, after, self.failed)

        @functools.wraps(original)
        def listing(*args: Any, **kwargs: Any) -> Any:
            # model.parameters() is a generator, used up by the first that looks: make it a list.
            if args and not isinstance(args[0], (list, tuple, torch.Tensor)):
                args = (list(args[0]), *args[1:])
            elif "parameters" in kwargs and not isinstance(
                kwargs["parameters"], (list, tuple, torch.Tensor)
            ):
                kwargs = {**kwargs, "parameters": list(kwargs["parameters"])}
            return heard(*args, **kwargs)

        return listing

    def _hear_schedule(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder, stream = self._recorder(), self._stream
            if recorder is None or stream.scheduling:
                return None
            stream.scheduling += 1
            return recorder, args[0], _rates(args[0])

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, scheduler, rates = token
            self._stream.scheduling -= 1
            if error is None:
                self._note(recorder.scheduled, scheduler, rates, _rates(scheduler))

        return around(original, before, after, self.failed)

    def _hear_schedule_making(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder, stream = self._recorder(), self._stream
            if recorder is None or stream.scheduling:
                return None
            stream.scheduling += 1  # its first step belongs to it
            return recorder, args[0]

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, scheduler = token
            self._stream.scheduling -= 1
            if error is None:
                recorder.who.scheduler(scheduler, here(sys._getframe(2)))
                for inner in getattr(scheduler, "_schedulers", ()):
                    number = recorder.who.scheduler(inner, None)
                    recorder.record.schedulers[number].inner = True

        return around(original, before, after, self.failed)

    def _hear_scaler(self, original: Any, *, action: str) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder = self._recorder()
            if recorder is None or not args[0].is_enabled():
                return None
            subject = args[1] if len(args) > 1 else next(iter(kwargs.values()), None)
            recorder.in_scaler += action == "step"
            return recorder, subject, recorder.updates

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, subject, updates = token
            recorder.in_scaler -= action == "step"
            if error is not None:
                return
            if action == "scale":
                recorder.scaled_loss(subject, result)
            steps = action == "step"
            skipped = steps and recorder.updates == updates
            optimizer = subject if action in ("step", "unscale_") else None
            self._note(recorder.scaled, action.strip("_"), optimizer, skipped)

        return around(original, before, after, self.failed)

    def _hear_iter(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder = self._recorder()
            return None if recorder is None else (recorder, args[0])

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, loader = token
            if error is None:
                number = recorder.epoch(loader, here(sys._getframe(2)))
                # Remembered on the iterator itself: an id would be given to another one later.
                result._fivestep_loader = number

        return around(original, before, after, self.failed)

    def _hear_next(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            stream = self._stream
            number = getattr(args[0], "_fivestep_loader", None)
            if number is None or stream.busy or stream.backwards or not self.on:
                return None
            return number, time.perf_counter(), sys._getframe(2)

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            number, began, frame = token
            recorder, seconds = self._stream.recorder, time.perf_counter() - began
            if (
                recorder is not None
                and recorder.quick.active
                and error is None
                and recorder.quick.batch(number, frame)
            ):
                recorder.record.loaders[number].waited += seconds
                return
            recorder = self._recorder()
            if recorder is None:
                return
            if error is None:
                self._note(recorder.batch, number, result, seconds)
                recorder.quick.learn((BATCH, id(frame.f_code), frame.f_lasti, number))
            elif isinstance(error, StopIteration):
                self._note(recorder.epoch_end, number)

        return around(original, before, after, self.failed)

    def _hear_equal(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            stream = self._stream
            if stream.depth or stream.steps or len(args) < 2:
                return None
            if not isinstance(args[1], torch.Tensor) or not isinstance(args[0], torch.Tensor):
                return None
            recorder = self._recorder()
            return None if recorder is None else (recorder, args[0], args[1])

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, left, right = token
            if error is None and isinstance(result, torch.Tensor):
                self._note(recorder.compared, left, right, result)

        return around(original, before, after, self.failed)

    def _hear_pick(self, original: Any, *, name: str) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            stream, tensor = self._stream, args[0] if args else None
            if stream.depth or stream.steps or not isinstance(tensor, torch.Tensor):
                return
            dimension: Any = args[1] if len(args) > 1 else kwargs.get("dim", kwargs.get("axis"))
            if not isinstance(dimension, int) or not -tensor.dim() <= dimension < tensor.dim():
                return
            recorder = self._recorder()
            if recorder is not None:
                self._note(recorder.picked, name, tensor, tensor.shape[dimension])

        return around(original, before, _nothing, self.failed)

    def _hear_state(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder, stream = self._recorder(), self._stream
            if recorder is None or stream.states or stream.depth or len(args) > 1:
                return None
            stream.states += 1
            return recorder, args[0]  # pyright: ignore[reportGeneralTypeIssues]

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            self._stream.states -= 1
            if error is None and self._wanted(token[1]):
                self._note(token[0].state_taken, token[1], result)

        return around(original, before, after, self.failed)

    def _hear_load(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder = self._recorder()
            state = args[1] if len(args) > 1 else kwargs.get("state_dict")
            if recorder is not None and args and self._wanted(args[0]):
                self._note(recorder.state_loaded, args[0], state)
            return None

        return around(original, before, _nothing, self.failed)

    def _hear_save(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder = self._recorder()
            if recorder is not None:
                self._note(recorder.state_saved, args[0] if args else kwargs.get("obj"))
            return None

        return around(original, before, _nothing, self.failed)

    def _hear_read(self, original: Any, *, name: str) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if not args or args[0].device.type == "cpu":
                return None
            recorder = self._recorder()
            if recorder is not None:
                self._note(recorder.read, name, args[0].device.type)
            return None

        return around(original, before, _nothing, self.failed)

    def _hear_nothing(self, original: Any) -> Any:
        """TorchScript reads the source of what it is given: let it find the originals."""

        @functools.wraps(original)
        def deaf(*args: Any, **kwargs: Any) -> Any:
            listening = self.on
            if listening:
                self.close()
            try:
                return original(*args, **kwargs)
            finally:
                if listening and self.problem is None:
                    self.open()

        return deaf


def _nothing(token: Any, result: Any, error: BaseException | None) -> None:
    """Nothing is to be done afterwards."""


def _is_running(frame: FrameType | None) -> bool:
    near: FrameType | None = sys._getframe(1)
    while near is not None and near is not frame:
        near = near.f_back
    return near is not None


def _is_loss(module: Any) -> bool:
    if isinstance(module, _Loss):
        return True
    kind = type(module).__name__.lower()
    named = kind.endswith(("loss", "criterion", "crossentropy"))
    return named and next(iter(module.parameters()), None) is None


def _first(tensors: Any) -> torch.Tensor | None:
    if isinstance(tensors, torch.Tensor):
        return tensors
    several = list(tensors) if isinstance(tensors, (tuple, list)) else []
    return several[0] if several and isinstance(several[0], torch.Tensor) else None


def _pair(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    first = args[0] if args else kwargs.get("input", kwargs.get("log_probs"))
    second = args[1] if len(args) > 1 else kwargs.get("target", kwargs.get("targets"))
    return first, second


def _rates(scheduler: Any) -> tuple[float, ...]:
    groups: Any = getattr(getattr(scheduler, "optimizer", None), "param_groups", ())
    return tuple(float(g["lr"]) for g in groups if isinstance(g.get("lr"), (int, float)))


def _calling_module() -> Any:
    """The Dropout module whose forward called the function, if one did."""
    frame = sys._getframe(3)
    owner = frame.f_locals.get("self")
    return owner if isinstance(owner, nn.modules.dropout._DropoutNd) else None
