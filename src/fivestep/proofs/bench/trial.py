"""A copy of the user's model and optimizer to try things on: the caller's are never touched."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from fivestep.arguments import Forward, spread
from fivestep.proofs.bench.closures import rebind, rebound
from fivestep.terms import Terms

# What torch's own optimizers hang on the instance; a schedule puts its `step` there, too.
_HUNG = ("step", "zero_grad", "state", "param_groups", "defaults")


@dataclass
class Trial:
    """Copies that belong together: the optimizer holds the parameters of this model."""

    model: Any
    loss_fn: Any
    optimizer: Any
    forward: Callable[[Any, Any], Any] | None
    items: Callable[[Any], Any] | None
    dtype: torch.dtype
    still: bool = False  # in eval mode where dropout has to be off: it is a function in a forward
    calmed: tuple[str, ...] = ()  # buffers whose modules are in eval mode, so that they stay

    @property
    def call(self) -> Any:
        """What makes a prediction from the inputs of a batch."""
        return self.model if self.forward is None else Forward(self.forward, self.model)

    def predict(self, inputs: Any) -> Any:
        """Make the prediction for one batch."""
        args, kwargs = spread(self.call)(inputs)
        return self.call(*args, **kwargs)

    def loss(self, inputs: Any, targets: Any) -> Any:
        """The loss of one batch, with its graph."""
        return Terms(self.loss_fn)(self.predict(inputs), targets)

    def backward(self, inputs: Any, targets: Any) -> Tensor:
        """Put the gradient of one batch where the optimizer looks for it; return its loss."""
        loss = self.loss(inputs, targets)
        self.optimizer.zero_grad()
        loss.backward()
        return loss.detach()

    def parameters(self) -> dict[str, Tensor]:
        """All parameters by name; one that only the optimizer knows by its group."""
        own = self.model.named_parameters() if isinstance(self.model, nn.Module) else ()
        found: dict[str, Tensor] = dict(own)
        known = {id(one) for one in found.values()}
        for number, group in enumerate(self.optimizer.param_groups):
            for place, one in enumerate(group["params"]):
                if id(one) not in known:
                    found[f"group {number}, parameter {place}"] = one
        return found

    def gradients(self) -> dict[str, Tensor]:
        """Dense copies of the gradients by the names of their parameters; none is left out as 0."""
        named = self.parameters().items()
        return {
            name: one.grad.detach().to_dense().clone() if one.grad.is_sparse
            else one.grad.detach().clone()
            for name, one in named if one.grad is not None
        }  # fmt: skip

    def handed(self) -> dict[str, Tensor]:
        """Copies of the gradients that the optimizer is handed, as they are: sparse ones sparse."""
        held = {id(one) for group in self.optimizer.param_groups for one in group["params"]}
        named = self.parameters().items()
        return {
            name: one.grad.detach().clone()
            for name, one in named if one.grad is not None and id(one) in held
        }  # fmt: skip

    def weights(self) -> dict[str, Tensor]:
        """Copies of the parameters by name."""
        return {name: one.detach().clone() for name, one in self.parameters().items()}


def copied(
    model: Any,
    loss_fn: Any,
    optimizer: Any,
    forward: Callable[[Any, Any], Any] | None,
    items: Callable[[Any], Any] | None,
    *,
    wide: bool,
) -> Trial:
    """Copy all of them through one memo, and cast them to float64 if asked to."""
    memo: dict[int, Any] = {}
    parts = copy.deepcopy((model, loss_fn, optimizer, forward, items), memo)
    _complete(optimizer, parts[2], memo)
    parts = [rebound(part, memo) for part in parts]
    rebind(parts[0], memo)
    trial = Trial(*parts, dtype=dtype_of(model, optimizer))
    root = trial.model
    if isinstance(root, nn.Module) and not root.training:  # as `fit` would train it
        root.train()
    if wide:
        _widen(trial)
    return trial


def dtype_of(model: Any, optimizer: Any) -> torch.dtype:
    """The floating type of the first parameter that learns."""
    own = list(model.parameters()) if isinstance(model, nn.Module) else []
    held = [one for group in optimizer.param_groups for one in group["params"]]
    floats = [one for one in (*held, *own) if one.is_floating_point()]
    return floats[0].dtype if floats else torch.get_default_dtype()


def _complete(optimizer: Any, made: Any, memo: dict[int, Any]) -> None:
    # torch copies an optimizer's groups and state only; LBFGS and others keep more of their own.
    for name, value in vars(optimizer).items():
        if name not in vars(made) and name not in _HUNG and not name.startswith("_optimizer_"):
            vars(made)[name] = copy.deepcopy(value, memo)


def _widen(trial: Trial) -> None:
    if isinstance(trial.model, nn.Module):
        trial.model.double()
    trial.loss_fn, trial.dtype = widened(trial.loss_fn), torch.float64
    for parameter in trial.parameters().values():
        if parameter.is_floating_point() and parameter.dtype is not torch.float64:
            parameter.data = parameter.data.double()
        if parameter.grad is not None:
            parameter.grad = None
    for state in trial.optimizer.state.values():
        for name, value in cast("dict[str, Any]", state).items():
            state[name] = widened(value)


def widened(value: Any) -> Any:
    """Cast the floating tensors in a nest, a module or a ``partial`` to float64."""
    if isinstance(value, Tensor):
        return value.double() if value.is_floating_point() else value
    if isinstance(value, nn.Module):
        return value.double()
    if isinstance(value, partial):
        made = cast("partial[Any]", value)
        options = {name: widened(one) for name, one in made.keywords.items()}
        return partial(made.func, *map(widened, made.args), **options)
    if type(value) in (list, tuple):
        return type(value)(map(widened, value))
    return value
