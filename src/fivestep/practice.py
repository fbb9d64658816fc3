"""What the sick and the healthy loops of the rules are made of, in every variant.

A loop takes its model, loss, optimizer and batches through a ``Practice`` and is otherwise plain
PyTorch. The same few lines then run with another optimizer, in another precision, compiled,
accumulating: a rule that works only on its own example is found out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from fivestep.listen import Listener
from fivestep.vitals import Record

Pair = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Practice:
    """One variant of a loop."""

    optimizer_name: str = "SGD"
    rate: float = 0.05
    momentum: float = 0.0
    dtype: torch.dtype = torch.float32
    batch_size: int = 16
    updates: int = 24
    seed: int = 0
    accumulate: int = 1
    compile: bool = False
    module_loss: bool = False

    def model(self, model: nn.Module) -> Any:
        """The model in this variant's precision, compiled or not."""
        model = model.to(self.dtype)
        return torch.compile(model, backend="eager") if self.compile else model  # pyright: ignore[reportUnknownMemberType]

    def loss(self, name: str) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """A loss of ``torch.nn.functional`` by name, as a function or as its module.

        Divided by the number of batches of a window, where gradients are accumulated.
        """
        function = _MODULES[name]() if self.module_loss else getattr(nn.functional, name)
        if self.accumulate == 1:
            return function
        return lambda prediction, target: function(prediction, target) / self.accumulate

    def optimizer(self, of: nn.Module | Iterable[Any], **options: float) -> Any:
        """This variant's optimizer over a model or its parameters; options win over the variant."""
        parameters = of.parameters() if isinstance(of, nn.Module) else of
        own: dict[str, Any] = {"lr": self.rate}
        if self.optimizer_name == "SGD":
            own["momentum"] = self.momentum
        elif "lr" not in options:
            own["lr"] = self.rate / 10  # an adaptive step is as long as its rate
        kind: Any = getattr(torch.optim, self.optimizer_name)
        optimizer = kind(parameters, **{**own, **options})
        return optimizer if self.accumulate == 1 else Windowed(optimizer, self.accumulate)

    def regression(self, features: int = 4) -> Iterator[Pair]:
        """Batches of y = a linear map of x + noise; x (batch, features), y (batch, 1)."""
        generator = torch.Generator().manual_seed(self.seed + 1)
        x = torch.randn(16 * self.batch_size, features, generator=generator)
        noise = 0.1 * torch.randn(len(x), 1, generator=generator)
        return self.batches(x, x[:, :1] - 0.5 * x[:, 1:2] + 0.3 + noise)

    def classification(self, features: int = 8, classes: int = 3) -> Iterator[Pair]:
        """Batches of points around one centre for each class; y (batch,) of int64."""
        generator = torch.Generator().manual_seed(self.seed + 2)
        y = torch.randint(classes, (16 * self.batch_size,), generator=generator)
        centres = 1.5 * torch.randn(classes, features, generator=generator)
        return self.batches(centres[y] + torch.randn(len(y), features, generator=generator), y)

    def batches(self, x: torch.Tensor, y: torch.Tensor) -> Iterator[Pair]:
        """Shuffled batches of data in this variant's precision, as many as its updates need."""
        generator = torch.Generator().manual_seed(self.seed + 3)
        for _ in range(self.updates * self.accumulate):
            chosen = torch.randint(len(x), (self.batch_size,), generator=generator)
            yield self.cast(x[chosen]), self.cast(y[chosen])

    def far(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor as it is on an accelerator, where reading it makes Python wait."""
        return tensor.detach().as_subclass(Far)

    def cast(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor of floats in this variant's precision."""
        return tensor.to(self.dtype) if tensor.is_floating_point() else tensor


class Far(torch.Tensor):
    """A tensor that says it is on an accelerator: a stand-in where there is none."""

    __torch_function__: Any = torch._C._disabled_torch_function_impl  # pyright: ignore[reportPrivateUsage]

    @property
    def device(self) -> torch.device:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The accelerator that it claims to be on."""
        return torch.device("cuda")


class Windowed:
    """An optimizer that clears and steps once in a window, as a hand-written accumulation does."""

    def __init__(self, optimizer: Any, window: int) -> None:
        self.optimizer, self.window, self.calls = optimizer, window, 0
        self.param_groups = optimizer.param_groups

    def zero_grad(self) -> None:
        """Clear at the start of a window."""
        if self.calls % self.window == 0:
            self.optimizer.zero_grad()

    def step(self) -> None:
        """Step at the end of a window."""
        self.calls += 1
        if self.calls % self.window == 0:
            self.optimizer.step()


def overhear(loop: Callable[[Practice], None], practice: Practice | None = None) -> Record:
    """Run a loop and give back its record. An error that the fault itself raises ends it."""
    practice = practice or Practice()
    doctor = Listener((), ())
    doctor.hear_reads()
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(practice.seed)
        try:
            with doctor:
                loop(practice)
        except RuntimeError:
            pass  # noted in record.ended
    return doctor.record


_MODULES: dict[str, Any] = {
    "mse_loss": nn.MSELoss,
    "l1_loss": nn.L1Loss,
    "smooth_l1_loss": nn.SmoothL1Loss,
    "huber_loss": nn.HuberLoss,
    "cross_entropy": nn.CrossEntropyLoss,
    "nll_loss": nn.NLLLoss,
    "kl_div": nn.KLDivLoss,
    "binary_cross_entropy": nn.BCELoss,
    "binary_cross_entropy_with_logits": nn.BCEWithLogitsLoss,
    "gaussian_nll_loss": nn.GaussianNLLLoss,
    "poisson_nll_loss": nn.PoissonNLLLoss,
}

VARIANTS: dict[str, Practice] = {
    "plain": Practice(),
    "momentum": Practice(momentum=0.9, rate=0.02, seed=1),
    "adam": Practice(optimizer_name="Adam", seed=2),
    "adamw": Practice(optimizer_name="AdamW", seed=3),
    "rmsprop": Practice(optimizer_name="RMSprop", seed=4),
    "double": Practice(dtype=torch.float64, seed=5),
    "bfloat16": Practice(dtype=torch.bfloat16, seed=6),
    "small-batch": Practice(batch_size=5, seed=7),
    "large-batch": Practice(batch_size=64, seed=8),
    "long": Practice(updates=80, seed=9),
    "accumulate": Practice(accumulate=3, seed=10),
    "compile": Practice(compile=True, seed=11),
    "module-loss": Practice(module_loss=True, seed=12),
}
