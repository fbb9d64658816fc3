"""Resumed equals uninterrupted: sound trainings hold, and what is forgotten is named.

What does not need another process is rehearsed in this one: the set-up is a function that makes
everything anew. The last tests start the processes.
"""

from __future__ import annotations

import datetime
import enum
import io
import itertools
import os
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

import fivestep
from fivestep.proofs.bench.verdict import Shown, Verdict
from fivestep.proofs.rehearsal.perform import Job, Outcome, perform
from fivestep.proofs.rehearsal.stages import Fresh
from fivestep.proofs.resumed_is_uninterrupted import HASH_SEEDS, rehearsed
from fivestep.prove import prove
from fivestep.randomness import preserved

Made = dict[str, Any]


def in_this_process(make: Callable[[], Made], folder: Path) -> Shown:
    def stage(job: Job) -> Outcome:
        with preserved():
            random.seed()  # a fresh process has numbers of its own
            np.random.seed()
            torch.seed()
            return perform(job, make)

    return rehearsed(stage, stage, str(folder), 0, "float32")


def points(count: int = 40, kind: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, 3, generator=generator)
    return x.to(kind), (x.sum(1, keepdim=True) * 0.5 + 1).to(kind)


def given(model: Any, data: Any = None, optimizer: Any = None, **more: Any) -> Made:
    parameters = model.parameters()
    optimizer = optimizer or torch.optim.SGD(parameters, lr=0.05)
    data = points() if data is None else data
    sized = {"batch_size": 8} if isinstance(data, tuple) else {}
    made = {"model": model, "loss_fn": nn.MSELoss(), "optimizer": optimizer, "data": data}
    return made | sized | more


def seeded(module: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(3)
    return module()


# Each maker is called anew for every rehearsal; what it leaves behind in this process is what a
# fresh one would not have, so it begins by putting that back. Small plain attributes that change,
# and generators, are saved wherever model, data and optimizer hold them: sound. What stays
# forgotten is larger, not plain, or held where only a function reaches.


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line, self.calls = nn.Linear(3, 1), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.line(x) * (1 + 0.1 * self.calls)


class Deep(nn.Module):
    """A list within a module within a module; Adam in float64."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(Remembering(), nn.Linear(3, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


class Remembering(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(float(x.mean()))
        return x - sum(self.seen) / len(self.seen)


class Drifting(nn.Module):
    """A plain tensor, in bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.centre = nn.Linear(3, 1), torch.zeros(3)

    def forward(self, x: Tensor) -> Tensor:
        self.centre = 0.9 * self.centre.to(x.dtype) + 0.1 * x.detach().mean(0)
        return self.line(x - self.centre)


class Lazy(nn.Module):
    """A buffer that is made at the first call."""

    def __init__(self, *, array: bool = False, decay: float = 0.5) -> None:
        super().__init__()
        self.line, self.decay = nn.Linear(3, 1), decay

    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self, "mean"):
            self.register_buffer("mean", torch.zeros(3), persistent=False)
        self.mean = self.decay * self.mean + (1 - self.decay) * x.detach().mean(0)
        return self.line(x - self.mean)


class LazyGain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))

    def forward(self, x: Tensor) -> Tensor:
        if "gain" not in self.body[0]._buffers:
            self.body[0].register_buffer("gain", torch.ones(()), persistent=False)
        gain: Any = self.body[0].gain
        gain.mul_(1.05)
        return self.body(x) * gain


class LazyCount(Lazy):
    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self, "count"):
            self.register_buffer("count", torch.zeros((), dtype=torch.int64), persistent=False)
        self.count += 1
        return self.line(x) / self.count


class Noisy(nn.Module):
    def __init__(self, generator: Any) -> None:
        super().__init__()
        self.line, self.generator = nn.Linear(3, 1), generator

    def forward(self, x: Tensor) -> Tensor:
        if isinstance(self.generator, torch.Generator):
            return self.line(x + 0.1 * torch.randn(x.shape, generator=self.generator))
        if isinstance(self.generator, random.Random):
            return self.line(x) + self.generator.random()
        return self.line(x) + float(self.generator.normal())


own_numbers = np.random.default_rng(0)
falling_rate = 0.1
SEEN: list[int] = []


class OfModule(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.line(x) + float(own_numbers.random())


class Classy(nn.Module):
    total = 0

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        type(self).total += 1
        return self.line(x) + 0.01 * self.total


class Cycling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line, self.numbers = nn.Linear(3, 1), itertools.count(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.line(x) / next(self.numbers)


class Wide(nn.Module):
    """A plain tensor of more than is saved beside a state_dict; in bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.memory = nn.Linear(3, 1), torch.zeros(400, 3)

    def forward(self, x: Tensor) -> Tensor:
        self.memory = 0.9 * self.memory.to(x.dtype) + 0.1 * x.detach().mean(0)
        return self.line(x - self.memory[7])


class Windowed(nn.Module):
    """A deque within a module within a module; Adam in float64."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: deque[float] = deque(maxlen=3)

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(float(x.mean()))
        return x - sum(self.seen) / len(self.seen)


class Marked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line, self.marks = nn.Linear(3, 1), [0] * 1500

    def forward(self, x: Tensor) -> Tensor:
        self.marks[sum(self.marks) % 1500] += 1
        return self.line(x) / sum(self.marks)


class Tallied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line, self.tally = nn.Linear(3, 1), Counter[str]()

    def forward(self, x: Tensor) -> Tensor:
        self.tally["high" if x.mean() > 0 else "low"] += 1
        return self.line(x) + self.tally["high"] - 0.1 * self.tally["low"]


class Phase(enum.Enum):
    WARM, COOL = 2.0, 0.5


class Phased(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line, self.first, self.phase = nn.Linear(3, 1), Phase.WARM, Phase.WARM

    def forward(self, x: Tensor) -> Tensor:
        scale = self.phase.value
        self.phase = Phase.COOL if self.phase is self.first else self.first
        return self.line(x) * scale


class Deeper(nn.Module):
    """A number deeper in containers than is saved."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.held = nn.Linear(3, 1), {"a": {"b": {"c": [{"number": 0}]}}}

    def forward(self, x: Tensor) -> Tensor:
        (inner,) = self.held["a"]["b"]["c"]
        inner["number"] += 1
        return self.line(x) / inner["number"]


class Slotted:
    """A hook that counts, in a slot."""

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, _: Any, inputs: Any) -> Any:
        self.calls += 1
        return (inputs[0] * (1 + 0.1 * self.calls),)


def wide() -> Made:
    model = seeded(Wide).bfloat16()
    return given(model, points(kind=torch.bfloat16), torch.optim.AdamW(model.parameters()))


def windowed() -> Made:
    model = seeded(lambda: nn.Sequential(nn.Sequential(Windowed(), nn.Linear(3, 1)))).double()
    return given(model, points(kind=torch.float64), torch.optim.Adam(model.parameters()))


def marked() -> Made:
    return given(seeded(Marked))


def tallied() -> Made:
    model = seeded(Tallied)
    return given(model, optimizer=torch.optim.RMSprop(model.parameters(), lr=1e-3))


def phased() -> Made:
    return given(seeded(Phased))


class Marks(enum.Flag):
    ODD, LATE = enum.auto(), enum.auto()


class Flagged(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line, self.marks = nn.Linear(3, 1), Marks(0)

    def forward(self, x: Tensor) -> Tensor:
        self.marks = (self.marks ^ Marks.ODD) | Marks.LATE
        return self.line(x) * (1 + self.marks.value)


def flagged() -> Made:
    return given_with(seeded(Flagged))


def deeper() -> Made:
    return given(seeded(Deeper))


def slotted() -> Made:
    model: Any = seeded(lambda: nn.Linear(3, 1))
    model.register_forward_pre_hook(Slotted())
    return given_with(model)


def counting() -> Made:
    return given(seeded(Counting))


def deep() -> Made:
    model = seeded(Deep).double()
    return given(model, points(kind=torch.float64), torch.optim.Adam(model.parameters()))


def drifting() -> Made:
    model = seeded(Drifting).bfloat16()
    return given(model, points(kind=torch.bfloat16), torch.optim.AdamW(model.parameters()))


def cycling() -> Made:
    return given(seeded(Cycling))


def lazy() -> Made:
    return given(seeded(Lazy))


def lazy_gain() -> Made:
    model = seeded(LazyGain)
    return given(model, optimizer=torch.optim.RMSprop(model.parameters(), lr=1e-3))


def lazy_count() -> Made:
    model = seeded(LazyCount)
    return given(model, optimizer=torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=2))


def own_torch() -> Made:
    return given(seeded(lambda: Noisy(torch.Generator().manual_seed(1))))


def own_numpy() -> Made:
    return given(seeded(lambda: nn.Sequential(nn.Linear(3, 3), Noisy(np.random.default_rng(5)))))


def own_python() -> Made:
    return given(seeded(lambda: Noisy(random.Random(4))))


def own_old() -> Made:
    return given(seeded(lambda: Noisy(np.random.RandomState(4))))


def own_unseeded() -> Made:
    return given(seeded(lambda: Noisy(np.random.default_rng())))


def of_module() -> Made:
    global own_numbers
    own_numbers = np.random.default_rng(0)
    return given(seeded(OfModule))


def noise_around() -> Made:
    noise = np.random.default_rng(2)

    def loss(prediction: Tensor, targets: Tensor) -> Tensor:
        return functional.mse_loss(prediction, targets) * float(noise.random())

    data = DataLoader(TensorDataset(*points()), batch_size=8, shuffle=True)
    return given(seeded(lambda: nn.Linear(3, 1)), data, loss_fn=loss)


def noise_of_forward() -> Made:
    own = torch.Generator().manual_seed(2)

    def forward(model: Any, batch: Any, *, noise: torch.Generator = own) -> Tensor:
        return model(batch[0] + torch.rand(batch[0].shape, generator=noise))

    def loss(prediction: Tensor, batch: Any) -> Tensor:
        return functional.mse_loss(prediction, batch[1])

    return given(seeded(lambda: nn.Linear(3, 1)), forward=forward, loss_fn=loss)


def noise_in_hook() -> Made:
    model: Any = seeded(lambda: nn.Sequential(nn.Linear(3, 1)))
    model[0].register_forward_hook(Shifting(random.Random(5)))
    return given(model, optimizer=torch.optim.Adam(model.parameters()))


class Shifting:
    def __init__(self, noise: random.Random) -> None:
        self.noise = noise

    def __call__(self, _: Any, __: Any, output: Tensor) -> Tensor:
        return output + self.noise.random()


def noise_of_module() -> Made:
    global own_numbers
    own_numbers = np.random.default_rng(0)

    def loss(prediction: Tensor, targets: Tensor) -> Tensor:
        return functional.mse_loss(prediction, targets) * float(own_numbers.random())

    return given(seeded(lambda: nn.Linear(3, 1)), loss_fn=loss)


def rate_around() -> Made:
    model = seeded(lambda: nn.Linear(3, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    rate = 0.1

    def falls(one: Any, *_: Any) -> None:
        nonlocal rate
        rate *= 0.9
        one.param_groups[0]["lr"] = rate

    optimizer.register_step_post_hook(falls)
    return given(model, optimizer=optimizer)


def rate_of_module() -> Made:
    global falling_rate
    falling_rate = 0.1
    model = seeded(lambda: nn.Linear(3, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)

    def falls(one: Any, *_: Any) -> None:
        global falling_rate
        falling_rate *= 0.9
        one.param_groups[0]["lr"] = falling_rate

    optimizer.register_step_pre_hook(falls)
    return given(model, optimizer=optimizer)


def rate_in_loss() -> Made:
    weights = {"share": 1.0}

    def loss(prediction: Tensor, targets: Tensor) -> Tensor:
        weights["share"] *= 0.95
        return functional.mse_loss(prediction, targets) * weights["share"]

    return given(seeded(lambda: nn.Linear(3, 1)), loss_fn=loss)


def class_total() -> Made:
    Classy.total = 0
    return given(seeded(Classy))


def loss_list() -> Made:
    SEEN.clear()

    def loss(prediction: Tensor, targets: Tensor) -> Tensor:
        SEEN.append(len(targets))
        return functional.mse_loss(prediction, targets) / len(SEEN)

    return given(seeded(lambda: nn.Linear(3, 1)), loss_fn=loss)


class Stepping(torch.optim.SGD):
    """An optimizer that counts outside of its state."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, lr=0.05)
        self.steps_made = 0

    def step(self, closure: Any = None) -> Any:
        self.steps_made += 1
        self.param_groups[0]["lr"] = 0.05 / self.steps_made
        return super().step(closure)


class Recent(torch.optim.SGD):
    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, lr=0.05)
        self.recent: deque[float] = deque([1.0], maxlen=4)

    def step(self, closure: Any = None) -> Any:
        self.recent.append(self.recent[-1] * 0.9)
        self.param_groups[0]["lr"] = 0.05 * sum(self.recent)
        return super().step(closure)


class Helped(Stepping):
    """It counts in an object of its own."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters)
        self.helper = Harmless()

    def step(self, closure: Any = None) -> Any:
        self.helper.count()
        self.param_groups[0]["lr"] = 0.05 / self.helper.number
        return super(Stepping, self).step(closure)


class Shared(torch.optim.Adam):
    steps_of_all = 0

    def step(self, closure: Any = None) -> Any:
        type(self).steps_of_all += 1
        self.param_groups[0]["lr"] = 0.05 / self.steps_of_all
        return super().step(closure)


def optimizer_count() -> Made:
    model = seeded(lambda: nn.Linear(3, 1))
    return given(model, optimizer=Stepping(model.parameters()))


def optimizer_recent() -> Made:
    model = seeded(lambda: nn.Linear(3, 1))
    return given(model, optimizer=Recent(model.parameters()))


def optimizer_helper() -> Made:
    model = seeded(lambda: nn.Linear(3, 1))
    return given(model, optimizer=Helped(model.parameters()))


def optimizer_class() -> Made:
    Shared.steps_of_all = 0
    model = seeded(lambda: nn.Linear(3, 1))
    return given(model, optimizer=Shared(model.parameters()))


class Samples(Dataset[Any]):
    def __init__(self) -> None:
        self.x, self.y = points()
        self.reads, self.cache = 0, dict[int, float]()

    def __len__(self) -> int:
        return len(self.x)


class Curriculum(Samples):
    def __getitem__(self, index: int) -> Any:
        self.reads += 1
        return self.x[index] * (1 + self.reads / 10), self.y[index]


class Cached(Samples):
    def __getitem__(self, index: int) -> Any:
        if index not in self.cache:
            self.cache[index] = 1 / (1 + len(self.cache))
        return self.x[index] * self.cache[index], self.y[index]


class FromFile(Samples):
    def __init__(self) -> None:
        super().__init__()
        self.file = io.BytesIO(bytes(range(256)) * 8)

    def __getitem__(self, index: int) -> Any:
        return self.x[index] + self.file.read(1)[0] / 100, self.y[index]


class Numbering(Samples):
    def __init__(self) -> None:
        super().__init__()
        self.numbers = itertools.count(1)

    def __getitem__(self, index: int) -> Any:
        return self.x[index] * (1 + next(self.numbers) / 10), self.y[index]


class LargeCache(Samples):
    def __init__(self) -> None:
        super().__init__()
        self.scales = [0.0] * 1500

    def __getitem__(self, index: int) -> Any:
        self.scales[index] = self.scales[index] or 1 / (1 + sum(map(bool, self.scales)))
        return self.x[index] * self.scales[index], self.y[index]


class ReadTogether(Samples):
    reads_of_all = 0

    def __getitem__(self, index: int) -> Any:
        type(self).reads_of_all += 1
        return self.x[index] * (1 + self.reads_of_all / 10), self.y[index]


class Transformed(Samples):
    def __init__(self, transform: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.transform = transform

    def __getitem__(self, index: int) -> Any:
        return self.transform(self.x[index]), self.y[index]


class Drawn(Samples):
    """Draws when it is made, without a seed."""

    def __init__(self) -> None:
        super().__init__()
        self.noise = np.random.rand(40).astype(np.float32)

    def __getitem__(self, index: int) -> Any:
        return self.x[index] + self.noise[index], self.y[index]


def numbering() -> Made:
    return given(seeded(lambda: nn.Linear(3, 1)), Numbering(), batch_size=8)


def large_cache() -> Made:
    data = DataLoader(LargeCache(), batch_size=8, shuffle=True)
    return given(seeded(lambda: nn.Linear(3, 1)), data)


def read_together() -> Made:
    ReadTogether.reads_of_all = 0
    data = DataLoader(Subset(ReadTogether(), range(2, 38)), batch_size=6, shuffle=True)
    return given(seeded(lambda: nn.Linear(3, 1)), data)


def warming_up() -> Made:
    reads = 0

    def warm(x: Tensor) -> Tensor:
        nonlocal reads
        reads += 1
        return x * min(1.0, reads / 50)

    return given(seeded(lambda: nn.Linear(3, 1)), DataLoader(Transformed(warm), batch_size=8))


def unseeded_samples() -> Made:
    return given(seeded(lambda: nn.Linear(3, 1)), DataLoader(Drawn(), batch_size=8))


def file_in_loss() -> Made:
    lines = io.StringIO("".join(f"{number}\n" for number in range(1, 99)))

    def loss(prediction: Tensor, targets: Tensor) -> Tensor:
        return functional.mse_loss(prediction, targets) / int(lines.readline())

    return given(seeded(lambda: nn.Linear(3, 1)), loss_fn=loss)


def read_count() -> Made:
    return given(seeded(lambda: nn.Linear(3, 1)), Curriculum(), batch_size=8)


def cached() -> Made:
    return given(seeded(lambda: nn.Linear(3, 1)), DataLoader(Cached(), batch_size=8, shuffle=True))


def file_place() -> Made:
    return given(seeded(lambda: nn.Linear(3, 1)), DataLoader(FromFile(), batch_size=8))


def file_of_subset() -> Made:
    data = Subset(FromFile(), range(3, 39))
    return given(seeded(lambda: nn.Linear(3, 1)), DataLoader(data, batch_size=6))


def unseeded_data() -> Made:
    x, y = points()
    drawn = torch.rand(40, 3)
    return given(seeded(lambda: nn.Linear(3, 1)), (x + drawn, y))


def unseeded_mask() -> Made:
    model = seeded(lambda: nn.Sequential(nn.Linear(3, 1)))
    drawn = np.random.rand(8, 1)

    def loss(prediction: Tensor, targets: Tensor) -> Tensor:
        weights = torch.tensor(drawn[: len(targets)], dtype=torch.float32)
        return ((prediction - targets).square() * weights).mean()

    return given(model, loss_fn=loss)


def unseeded_scale() -> Made:
    model: Any = seeded(Drifting)
    model.register_forward_pre_hook(Scaling(random.random()))
    return given(model, optimizer=torch.optim.SGD(model.parameters(), lr=0.01))


class Scaling:
    def __init__(self, scale: float) -> None:
        self.scale = scale

    def __call__(self, _: Any, inputs: Any) -> Any:
        return (inputs[0] * self.scale,)


def clock_in_forward() -> Made:
    model: Any = seeded(lambda: nn.Linear(3, 1))

    def grows(_: Any, __: Any, output: Tensor) -> Tensor:
        return output * (1 + time.time() % 1)

    model.register_forward_hook(grows)
    return given_with(model)


def clock_in_loss() -> Made:
    def loss(prediction: Tensor, targets: Tensor) -> Tensor:
        return functional.mse_loss(prediction, targets) * (1 + datetime.datetime.now().day)

    return given(seeded(lambda: nn.Linear(3, 1)), loss_fn=loss)


class Timed(Samples):
    def __getitem__(self, index: int) -> Any:
        return self.x[index] * (1 + time.perf_counter() % 1), self.y[index]


def clock_in_data() -> Made:
    return given(seeded(lambda: nn.Linear(3, 1)), DataLoader(Timed(), batch_size=8))


def clock_of_day() -> Made:
    def loss(prediction: Tensor, targets: Tensor) -> Tensor:
        return functional.mse_loss(prediction, targets) * (1 + time.localtime().tm_min)

    return given(seeded(lambda: nn.Linear(3, 1)), loss_fn=loss)


def given_with(model: Any) -> Made:
    return given(model, optimizer=torch.optim.SGD(model.parameters(), lr=0.01))


GLOBAL, DRAWN = "torch's global generator", "seed what the set-up draws"
FORGOTTEN: list[tuple[Callable[[], Made], str, str]] = [
    (wide, "model.memory changes in training", "buffer"),
    (windowed, "model.0.0.seen changes in training", "get_extra_state"),
    (marked, "model.marks changes in training", "get_extra_state"),
    (tallied, "model.tally", "get_extra_state"),
    (phased, "model.phase changes in training", "get_extra_state"),
    (flagged, "model.marks changes in training", "get_extra_state"),
    (deeper, "model.held changes in training", "get_extra_state"),
    (slotted, ".calls changes in training", "get_extra_state"),
    (cycling, "model.numbers changes in training", "get_extra_state"),
    (lazy, "model.mean", "register the buffer in __init__"),
    (lazy_gain, "model.body.0.gain", "register the buffer in __init__"),
    (lazy_count, "model.count", "register the buffer in __init__"),
    (noise_around, "noise, a variable around loss, a Generator of its own", GLOBAL),
    (noise_of_forward, "noise, a default of noise_of_forward.<locals>.forward", GLOBAL),
    (noise_in_hook, ".noise, a Random of its own", GLOBAL),
    (noise_of_module, "own_numbers, a variable of the module test_prove", GLOBAL),
    (rate_around, "rate, a variable around falls", "param_groups"),
    (rate_of_module, "falling_rate, a variable of the module test_prove_resumed", "param_groups"),
    (rate_in_loss, "weights, a variable around loss", "param_groups"),
    (class_total, "Classy.total", "get_extra_state"),
    (loss_list, "SEEN, a variable of the module test_prove_resumed", "param_groups"),
    (optimizer_recent, "optimizer.recent", "param_groups"),
    (optimizer_helper, "optimizer.helper.number", "param_groups"),
    (optimizer_class, "Shared.steps_of_all", "get_extra_state"),
    (numbering, "data.numbers changes in training", "depend on its index"),
    (large_cache, "data.dataset.scales", "depend on its index"),
    (read_together, "ReadTogether.reads_of_all", "get_extra_state"),
    (warming_up, "reads, a variable around warm", "get_extra_state"),
    (file_place, "the position of the file data.dataset.file", "seek"),
    (file_of_subset, "the position of the file data.dataset.dataset.file", "seek"),
    (file_in_loss, "the position of the file lines, a variable around loss", "seek"),
    (unseeded_samples, "data.dataset.noise comes out otherwise each time", DRAWN),
    (unseeded_data, "data[0] comes out otherwise each time", DRAWN),
    (unseeded_mask, "drawn, a variable around loss", DRAWN),
    (unseeded_scale, ".scale comes out otherwise each time", DRAWN),
    (clock_in_forward, "time.time in grows", "never on a clock"),
    (clock_in_loss, "datetime.now in loss", "never on a clock"),
    (clock_in_data, "time.perf_counter in __getitem__", "never on a clock"),
    (clock_of_day, "time.localtime in loss", "never on a clock"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "cause", "do"), FORGOTTEN, ids=[one[0].__name__ for one in FORGOTTEN]
)
def test_what_was_forgotten_is_named(
    make: Callable[[], Made], cause: str, do: str, tmp_path: Path
) -> None:
    shown = in_this_process(make, tmp_path)
    assert shown.verdict is Verdict.FAILS, shown
    assert cause in shown.cause, shown.cause
    assert do in shown.do
    assert shown.cause.count("; ") <= 1, shown.cause  # and nothing that is not to blame
    assert any(not one.holds and seen_in(one) for one in shown.measures)


def seen_in(measure: Any) -> bool:
    """Tell whether it is said where; other data are refused before the first update."""
    return "after update" in measure.what or "the samples are not those" in measure.where


# Sound trainings: none of these may be blamed for anything.


class Augmented(Samples):
    def __getitem__(self, index: int) -> Any:
        noise = torch.randn(3) + random.random() + float(np.random.rand())
        return self.x[index] + 0.1 * noise, self.y[index]


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        x, y = points(24)
        for one, other in zip(x, y, strict=True):
            yield one + 0.1 * torch.randn(3), other


class Keeping(nn.Module):
    """A counter saved as extra state, a buffer that is not persistent, a log nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.calls, self.log = nn.Linear(3, 1), 0, list[float]()
        self.mean: Tensor
        self.register_buffer("mean", torch.zeros(3), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.log.append(time.time())
        self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(0)
        return self.line(x - self.mean) / self.calls

    def get_extra_state(self) -> Any:
        return {"calls": self.calls}

    def set_extra_state(self, state: Any) -> None:
        self.calls = state["calls"]


def normed() -> Made:
    model = seeded(
        lambda: nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1))
    )
    return given(model, optimizer=torch.optim.Adam(model.parameters()))


def augmented(workers: int = 0) -> Made:
    data = DataLoader(Augmented(), batch_size=8, shuffle=True, num_workers=workers)
    return given(seeded(lambda: nn.Linear(3, 1)), data)


def in_workers() -> Made:
    return augmented(2)


def quasi_newton() -> Made:
    model = seeded(lambda: nn.Linear(3, 1)).double()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.3, max_iter=3)
    return given(model, points(kind=torch.float64), optimizer)


def several() -> Made:
    model: Any = seeded(lambda: nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1)))
    first = torch.optim.SGD(model[0].parameters(), lr=0.05, momentum=0.9)
    second = torch.optim.Adam(model[1].parameters(), amsgrad=True)
    return given(model, optimizer=fivestep.together(first, second))


def stream() -> Made:
    return given(seeded(lambda: nn.Linear(3, 1)), DataLoader(Stream(), batch_size=6))


def own_order() -> Made:
    generator = torch.Generator().manual_seed(7)
    data = DataLoader(TensorDataset(*points()), 8, shuffle=True, generator=generator)
    return given(seeded(lambda: nn.Linear(3, 1)), data)


def kept() -> Made:
    return given(seeded(Keeping))


def list_of_batches() -> Made:
    x, y = points()
    return given(seeded(lambda: nn.Linear(3, 1)), list(zip(x.split(5), y.split(5), strict=True)))


def whole_batches() -> Made:
    x, y = points()
    data = [{"x": a, "y": b} for a, b in zip(x.split(5), y.split(5), strict=True)]

    def forward(model: Any, batch: Any) -> Any:
        return model(batch["x"])

    def loss(prediction: Tensor, batch: Any) -> Tensor:
        return functional.mse_loss(prediction, batch["y"])

    return given(seeded(lambda: nn.Linear(3, 1)), data, forward=forward, loss_fn=loss)


def mixed() -> Made:
    model = seeded(lambda: nn.Linear(3, 1)).bfloat16()
    return given(model, points(kind=torch.bfloat16), torch.optim.NAdam(model.parameters()))


def spectral() -> Made:
    model = nn.Sequential(
        seeded(lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(3, 4))), nn.Linear(4, 1)
    )
    return given(model, optimizer=torch.optim.Adagrad(model.parameters()))


def untrained_weights() -> Made:
    """No seed: other weights in every process, and all of them are saved."""
    return given(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)))


def average() -> Made:
    model = seeded(lambda: nn.Linear(3, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

    def falls(one: Any, *_: Any) -> None:
        one.param_groups[0]["lr"] *= 0.9

    optimizer.register_step_post_hook(falls)
    return given(model, optimizer=optimizer)


def one_batch() -> Made:
    return given(seeded(lambda: nn.Linear(3, 1)), points(3))


def helped() -> Made:
    """An object of the model's own counts, and a generator is kept in a list of a dict."""
    model: Any = seeded(lambda: Noisy(np.random.Generator(np.random.PCG64(1))))
    model.tally, model.more = Harmless(), {"noise": [random.Random(2)]}

    def scale(_: Any, inputs: Any) -> Any:
        model.tally.count()
        return (inputs[0] * model.more["noise"][0].random() / model.tally.number,)

    model.register_forward_pre_hook(scale)
    return given(model)


class Centre(nn.Module):
    """Moves a tensor that another module holds, too."""

    def __init__(self, centre: Tensor) -> None:
        super().__init__()
        self.line, self.centre = nn.Linear(3, 3), centre

    def forward(self, x: Tensor) -> Tensor:
        self.centre.mul_(0.9).add_(x.detach().mean(0))
        return self.line(x - self.centre)


def shared() -> Made:
    def make() -> nn.Module:
        centre = torch.zeros(3)
        return nn.Sequential(Centre(centre), Centre(centre), nn.Linear(3, 1))

    model = seeded(make)
    return given(model, optimizer=torch.optim.Adam(model.parameters()))


class Penalised(nn.Module):
    """A loss that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.noise = 0, np.random.default_rng(3)

    def forward(self, prediction: Tensor, targets: Tensor) -> Tensor:
        self.calls += 1
        loss = functional.mse_loss(prediction, targets)
        return loss * (float(self.noise.random()) + 1 / self.calls)


def penalised() -> Made:
    return given(seeded(lambda: nn.Linear(3, 1)), loss_fn=Penalised())


class Epochs:
    """A sampler that counts the epochs."""

    def __init__(self) -> None:
        self.epoch = 0

    def __len__(self) -> int:
        return 40

    def __iter__(self) -> Iterator[int]:
        self.epoch += 1
        return iter(
            torch.randperm(40, generator=torch.Generator().manual_seed(self.epoch)).tolist()
        )


def counted_epochs() -> Made:
    data: Any = TensorDataset(*points())
    loader = DataLoader(data, batch_size=8, sampler=Epochs())
    return given(seeded(lambda: nn.Linear(3, 1)), loader)


class OwnNoise(Samples):
    def __init__(self) -> None:
        super().__init__()
        self.noise = np.random.default_rng(8)

    def __getitem__(self, index: int) -> Any:
        return self.x[index] + torch.tensor(self.noise.random(3), dtype=torch.float32), self.y[
            index
        ]


def own_noise() -> Made:
    data = DataLoader(OwnNoise(), batch_size=8, shuffle=True)
    return given(seeded(lambda: nn.Linear(3, 1)), data)


SOUND = [
    counting, deep, drifting, own_torch, own_numpy, own_python, own_old, own_unseeded, of_module,
    optimizer_count, read_count, cached, helped, shared, penalised, counted_epochs, own_noise,
    normed, augmented, in_workers, quasi_newton, several, stream, own_order, kept,
    list_of_batches, whole_batches, mixed, spectral, untrained_weights, average, one_batch,
]  # fmt: skip


@pytest.mark.parametrize("make", SOUND)
def test_a_sound_training_is_not_blamed(make: Callable[[], Made], tmp_path: Path) -> None:
    shown = in_this_process(make, tmp_path)
    assert shown.verdict is Verdict.HOLDS, shown
    assert shown.cause == ""
    assert [one.equal for one in shown.measures] == [True] * 3


def test_a_buffer_that_only_our_checkpoint_keeps_is_told(tmp_path: Path) -> None:
    (note,) = in_this_process(kept, tmp_path).notes
    assert note.startswith("model.mean: changed in training, and left out of state_dict()")


class Saved(Lazy):
    """The buffer that is made at the first call is one that is saved."""

    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self, "mean"):
            self.register_buffer("mean", torch.zeros(3))
        return super().forward(x)


class Blind(nn.Module):
    """Draws numbers that no seed reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.line(x) + os.urandom(1)[0] / 256


class Runs(nn.Module):
    """An iterator, which cannot be put back."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.numbers = nn.Linear(3, 1), iter(range(1, 100))

    def forward(self, x: Tensor) -> Tensor:
        return self.line(x) / next(self.numbers)


def late() -> Made:
    return given(seeded(Saved))


def blind() -> Made:
    return given(seeded(Blind))


def runs() -> Made:
    return given(seeded(Runs))


class LateHelper(nn.Module):
    """An object that counts is made at the first call: in a fresh model there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.helper = nn.Linear(3, 1), None

    def forward(self, x: Tensor) -> Tensor:
        self.helper: Any = self.helper or Harmless()
        self.helper.count()
        return self.line(x) / self.helper.number


def late_helper() -> Made:
    return given(seeded(LateHelper))


def cached_in_workers() -> Made:
    return given(seeded(lambda: nn.Linear(3, 1)), DataLoader(Cached(), batch_size=8, num_workers=1))


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (late, "does not go on from what was saved: ValueError: checkpoint: model"),
        (blind, "numbers are drawn that no seed reaches"),
        (runs, "model.numbers is not as when it was saved, and cannot be put back"),
        (late_helper, "model.helper.number is not as when it was saved, and cannot be put back"),
        (cached_in_workers, "the 1 worker of the loader keeps"),
    ],
)
def test_what_cannot_be_put_back_is_told_otherwise(
    make: Callable[[], Made], cause: str, tmp_path: Path
) -> None:
    shown = in_this_process(make, tmp_path)
    assert shown.verdict is Verdict.FAILS
    assert cause in shown.cause, shown.cause


def test_of_many_things_that_change_the_one_is_found(tmp_path: Path) -> None:
    def make() -> Made:
        model: Any = seeded(Cycling)
        model.kept = [Harmless() for _ in range(60)]

        def count(*_: Any) -> None:
            for one in model.kept:
                one.count()

        model.register_forward_pre_hook(count)
        return given(model)

    shown = in_this_process(make, tmp_path)
    assert shown.cause.startswith("model.numbers changes in training")
    assert "; " not in shown.cause


class Harmless:
    def __init__(self) -> None:
        self.number = 0

    def count(self) -> None:
        self.number += 1


# What takes another process. All of these share two, from which every rehearsal is made.


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fresh, Fresh]]:
    folder = tmp_path_factory.mktemp("noise")
    (folder / "nothing.py").write_text("import math\n")
    made = [Fresh(str(folder / "nothing.py"), seed, str(folder)) for seed in HASH_SEEDS]
    yield made[0], made[1]
    for one in made:
        one.close()


HEAD = """
import os, sys, torch
from torch import nn
torch.set_num_threads(1)
torch.manual_seed(0)
words = "one two three four five six seven eight nine ten eleven twelve".split()
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(3, 1)
        self.prepare()
    def prepare(self): pass
    def scale(self): return 1.0
    def forward(self, x): return self.line(x) * self.scale()
data = torch.randn(60, 3), torch.randn(60, 1)
batch_size = 8
loss_fn = nn.MSELoss()
"""
TAIL = """
print("a line that is none of ours")
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
"""
SET = """
class Net(Net):
    def prepare(self): self.known = set(words)
    def scale(self): return 1 + 0.1 * words.index(next(iter(self.known)))
"""
LISTED = """
ORDER = list({*words})
class Net(Net):
    def scale(self): return 1 + 0.1 * words.index(ORDER[0])
"""
HASH = """
def number(): return hash("a text") % 97
class Net(Net):
    def scale(self): return 1 + number() / 97
"""
LAYERS = """
class Net(Net):
    def prepare(self):
        self.kinds = frozenset(words)
    def forward(self, x):
        for kind in self.kinds:
            x = torch.sin(x * len(kind)) + words.index(kind)
        return self.line(x)
"""
COUNTED = SET.replace("def scale(self): return", """def scale(self):
        type(self).calls = getattr(self, "calls", 0) + 1
        return self.calls *""")  # fmt: skip


def in_processes(text: str, stages: tuple[Fresh, Fresh], folder: Path) -> Shown:
    path = folder / "train_it.py"
    path.write_text(HEAD + text + TAIL)
    for one in stages:
        one.setup = str(path)
    return rehearsed(*stages, str(folder), 0, "float32")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SET, ["which changes model.known", "hash seed"]),
        (LISTED, ["ORDER, a variable of the module train_it", "hash seed"]),
        (HASH, ["the bits change with the hash seed"]),
        (LAYERS, ["which changes model.kinds"]),
        (COUNTED, ["Net.calls changes in training", "which changes model.known"]),
    ],
)
def test_a_hash_seed_is_named(
    text: str, words: list[str], stages: tuple[Fresh, Fresh], tmp_path: Path
) -> None:
    shown = in_processes(text, stages, tmp_path)
    assert shown.verdict is Verdict.FAILS
    assert all(one in shown.cause for one in words), shown.cause
    assert "sorted(...)" in shown.do


def test_a_sound_training_in_processes(stages: tuple[Fresh, Fresh], tmp_path: Path) -> None:
    sound = SET.replace("next(iter(self.known))", "min(self.known)")
    assert in_processes(sound, stages, tmp_path).verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("os._exit(7)", "it ended with code 7"),
        ("os.abort()", "it ended with code -6"),
        ("raise ValueError('no data here')", "no data here"),
        ("sys.exit('not today')", "SystemExit: not today"),
    ],
)
def test_what_cannot_be_rehearsed_is_not_proved(
    text: str, words: str, stages: tuple[Fresh, Fresh], tmp_path: Path
) -> None:
    shown = in_processes(text, stages, tmp_path)
    assert shown.verdict is Verdict.NOT_PROVED
    assert words in shown.cause


def test_without_a_file_it_is_not_proved() -> None:
    made = counting()
    model, loss_fn, optimizer, data = (made[n] for n in ("model", "loss_fn", "optimizer", "data"))
    proof = prove(model, loss_fn, optimizer, data, only="resumed-is-uninterrupted")
    assert proof.holds
    assert proof.code == 0
    assert "of 1 guarantees 1 not proved" in str(proof)
    row = proof["resumed-is-uninterrupted"]
    assert row.verdict is Verdict.NOT_PROVED
    assert "setup='train_setup.py'" in row.shown.do
    with pytest.raises(FileNotFoundError, match=r"setup='nowhere.py' was given, and is no file"):
        prove(model, loss_fn, optimizer, data, setup="nowhere.py")


def test_files_beside_the_setup_do_not_hide_pythons_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "types.py").write_text("raise SystemExit('taken for another')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "train_it.py").write_text(HEAD + TAIL)
    fresh = Fresh(str(tmp_path / "train_it.py"), 1, str(tmp_path))
    try:
        assert fresh(Job(str(tmp_path), "whole")).error == ""
    finally:
        fresh.close()
