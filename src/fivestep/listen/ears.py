"""The places in PyTorch where the five steps can be heard, and whose turn it is to write."""
# Private here: threading's own class of a thread that it did not start.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
import threading
from typing import Any

import torch
from torch import nn

from fivestep.listen.backwards import Backwards
from fivestep.listen.clears import Clears
from fivestep.listen.clips import Clips
from fivestep.listen.dropouts import Dropouts
from fivestep.listen.loaders import Loaders
from fivestep.listen.losses import Losses
from fivestep.listen.metrics import Metrics
from fivestep.listen.modules import Modules
from fivestep.listen.patches import Patches
from fivestep.listen.reads import Reads
from fivestep.listen.scalers import Scalers
from fivestep.listen.schedules import Schedules
from fivestep.listen.scripting import Scripting
from fivestep.listen.site import here
from fivestep.listen.states import States
from fivestep.listen.stream import Stream
from fivestep.listen.updates import Updates
from fivestep.vitals.recorder import Recorder

PLACES = (
    Modules, Dropouts, Losses, Clears, Backwards, Updates, Clips, Schedules, Scalers, Loaders,
    Metrics, States, Scripting, Reads,
)  # fmt: skip


class Ears:
    """Listens between ``open`` and ``close``. Each thread that trains gets a recorder."""

    def __init__(
        self, models: tuple[nn.Module, ...] = (), optimizers: tuple[Any, ...] = ()
    ) -> None:
        self.recorders: list[Recorder] = []
        self.problem: BaseException | None = None
        self.on = False
        self.reads = torch.accelerator.is_available()  # else there is nothing to wait for
        self.stream = Stream()
        self.in_backward = 0  # of any thread
        self._models, self._optimizers = models, optimizers
        self._patches = Patches()
        self._places = [place(self) for place in PLACES]

    def open(self) -> None:
        """Begin to listen."""
        self.on = True
        for place in self._places:
            place.open(self._patches)

    def close(self) -> None:
        """Stop listening and put everything back."""
        self.on = False
        self._patches.restore()

    def failed(self, error: BaseException) -> None:
        """Something of ours went wrong: say it once, hear nothing more."""
        if self.problem is None:
            self.problem = error
        self.on = False

    # -- whose turn is it -----------------------------------------------------------------------

    def recorder(self) -> Recorder | None:
        """The recorder of this thread; None while nothing is to be heard."""
        stream = self.stream
        if not self.on or stream.busy or stream.backwards:
            return None
        recorder = stream.recorder or self._begin_thread()
        if recorder is not None and recorder.quick.active:
            recorder.quick.leave()  # something else happens than was expected
        return recorder

    def _begin_thread(self) -> Recorder | None:
        # A thread of autograd or of the interpreter's C side, in which the user wrote nothing.
        if isinstance(threading.current_thread(), threading._DummyThread) or self.in_backward:
            return None
        recorder = self.stream.recorder = Recorder(narrowed=bool(self._models or self._optimizers))
        self.recorders.append(recorder)
        return recorder

    def note(self, method: Any, *args: Any) -> None:
        """Let a recorder write down what happened at the caller's caller; hear nothing of that."""
        stream = self.stream
        stream.busy += 1
        try:
            method(*args, here(sys._getframe(2)))
        finally:
            stream.busy -= 1

    def wanted(self, module: Any) -> bool:
        """Tell whether a model is listened to."""
        return not self._models or any(module is one for one in self._models)

    def owned(self, owner: Any) -> bool:
        """Tell whether a model or an optimizer is listened to."""
        if isinstance(owner, nn.Module):
            return self.wanted(owner)
        return not self._optimizers or any(owner is one for one in self._optimizers)
