"""What is trained under every framework: data, models, and the models that carry a fault."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS, BATCH = 3, 16
Loader = DataLoader[tuple[torch.Tensor, ...]]


def points(samples: int = 128, seed: int = 0) -> TensorDataset:
    """Points around one centre for each of three classes; y (samples,) of int64."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(3, (samples,), generator=generator)
    centres = 1.5 * torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
    return TensorDataset(centres[y] + torch.randn(samples, 8, generator=generator), y)


def slopes(samples: int = 128) -> TensorDataset:
    """A linear map and noise; y (samples,), one number each."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(samples, 8, generator=generator)
    noise = 0.1 * torch.randn(samples, generator=generator)
    return TensorDataset(x, x[:, 0] - 0.5 * x[:, 1] + 0.3 + noise)


def batches(data: TensorDataset, *, shuffle: bool = True) -> Loader:
    return DataLoader(data, batch_size=BATCH, shuffle=shuffle)


class Net(nn.Module):
    """Scores for ``outputs`` classes; BatchNorm and Dropout, so that mode and numbers matter."""

    def __init__(self, outputs: int = 3) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU())
        self.dropout, self.out = nn.Dropout(0.1), nn.Linear(16, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.dropout(self.hidden(x)))


class Smooth(nn.Module):
    """Nothing random, nothing that counts: for LBFGS and for rates that are wrong."""

    def __init__(self, outputs: int = 3) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class Squashed(Net):
    """The scores are squashed before the loss squashes them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).softmax(dim=1)


class Listed(nn.Module):
    """Its layers are kept in a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(8, 16), nn.Linear(16, 16)]
        self.out = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x).relu()
        return self.out(x)


class Detached(Net):
    """The forward forgets its graph."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).detach()


def squared(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return ((prediction - target) ** 2).mean()


def sgd(parameters: Iterable[nn.Parameter] | nn.Module, rate: float = 0.1) -> torch.optim.SGD:
    if isinstance(parameters, nn.Module):
        parameters = parameters.parameters()
    return torch.optim.SGD(parameters, lr=rate, momentum=0.9)


def seen(model: nn.Module, losses: list[float]) -> list[torch.Tensor]:
    """What must be the same to the last bit: weights, buffers, losses."""
    state = [one.detach().clone() for one in (*model.parameters(), *model.buffers())]
    return [*state, torch.tensor(losses, dtype=torch.float64)]


cross_entropy = F.cross_entropy
