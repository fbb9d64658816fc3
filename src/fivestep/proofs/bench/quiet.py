"""What makes two batches differ by nature: dropout, BatchNorm, random draws in the forward."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.dropout import _DropoutNd  # pyright: ignore[reportPrivateUsage]


class Held(nn.Module):
    """Holds a model in its present modes: ``fit`` sees a root in train mode."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module
        self.training = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model."""
        return self.module(*args, **kwargs)


def dropout_off(model: Any) -> list[str]:
    """Switch off dropout, as modules and as an option of attention and recurrent layers."""
    found: list[str] = []
    for name, module in named(model):
        if isinstance(module, _DropoutNd):
            if module.training and module.p:
                found.append(name)
            module.eval()
        elif isinstance(dropout := vars(module).get("dropout"), float) and dropout:
            vars(module)["dropout"] = 0.0
            found.append(name)
    return found


def coupling_norms(model: Any) -> dict[str, nn.Module]:
    """The BatchNorms in train mode: each sample's output depends on the whole batch."""
    return {
        name: module
        for name, module in named(model)
        if isinstance(module, _BatchNorm) and (module.training or module.running_mean is None)
    }


def freeze(norms: dict[str, nn.Module]) -> None:
    """Let BatchNorms use their running statistics; one without any gets those of no data."""
    for norm in norms.values():
        if getattr(norm, "running_mean", None) is None:
            features = int(getattr(norm, "num_features", 0))
            like = next(norm.parameters(), torch.zeros(()))
            norm.running_mean = torch.zeros(features, dtype=like.dtype, device=like.device)
            norm.running_var = torch.ones(features, dtype=like.dtype, device=like.device)
            vars(norm)["track_running_stats"] = True
        norm.eval()


def named(model: Any) -> list[tuple[str, nn.Module]]:
    """All modules with their names; the root's is its class."""
    if not isinstance(model, nn.Module):
        return []
    return [(name or type(module).__name__, module) for name, module in model.named_modules()]


def draws(run: Callable[[], Any]) -> list[str]:
    """Run something and name the global generators of random numbers that it drew from."""
    before = random_states()
    run()
    after = random_states()
    return [name for name, state in after.items() if not _same(state, before[name])]


def random_states() -> dict[str, Any]:
    """The states of the global generators, to be compared with later ones."""
    found: dict[str, Any] = {
        "Python's random": str(random.getstate()),
        "numpy.random": _numpy(),
        "torch's generator": torch.get_rng_state(),
    }
    if torch.cuda.is_initialized():
        found["torch's CUDA generator"] = torch.cat(torch.cuda.get_rng_state_all())
    return found


def _numpy() -> bytes:
    name, key, *rest = np.random.get_state(legacy=True)
    return np.asarray(key).tobytes() + repr((name, rest)).encode()


def _same(first: Any, second: Any) -> bool:
    return bool(first.equal(second)) if isinstance(first, Tensor) else first == second
