"""What is trained and stopped: a small network that writes down every batch it sees.

Forty samples in batches of four are ten iterations an epoch, three epochs are thirty. Every library
is asked to save after every fifth; the training is killed in the eighteenth, within epoch 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any
from zlib import crc32

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

ROWS, BATCH, EPOCHS, EVERY, KILLED = 40, 4, 3, 5, 18
IN_EPOCH = ROWS // BATCH
# The validation loss after each epoch: the second is the best, then three without a better one.
CURVE = [1.0, 1.0, 0.5, *[0.9] * 9]
PATIENCE, LONGEST, LATE = 3, 9, 38  # killed in epoch 4, when one of the three has passed

Seen = dict[str, Any]
Sample = tuple[Tensor, Tensor]


def table() -> Sample:
    """Forty rows of eight numbers behind the row's own number, and a target for each."""
    numbers = torch.randn(ROWS, 8, generator=torch.Generator().manual_seed(1))
    return torch.cat([torch.arange(float(ROWS)).unsqueeze(1), numbers], 1), numbers[:, :1] * 2


class Rows(Dataset[Sample]):
    """The table; with ``augment`` torch's own generator draws every sample a little aside."""

    def __init__(self, augment: bool = False) -> None:
        self.inputs, self.targets = table()
        self.augment = augment

    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, index: int) -> Sample:
        row = self.inputs[index].clone()
        if self.augment:
            row[1:] += 0.1 * torch.randn(8)
        return row, self.targets[index]


class Stream(IterableDataset[Sample]):
    """The same rows as a stream: nobody can ask for the twelfth."""

    def __iter__(self) -> Iterator[Sample]:
        yield from zip(*table(), strict=True)


def held_out() -> DataLoader[Any]:
    """One batch to validate on, its targets 0: the squared error is the model's output squared."""
    return DataLoader(TensorDataset(torch.zeros(2, 9), torch.zeros(2, 1)), batch_size=2)


class Net(nn.Module):
    """9 to 64 to 64 to 1. It tells ``watch`` of every batch that it is trained on.

    In eval mode it answers with what makes the validation loss ``CURVE``, whatever its weights.
    """

    trained: Tensor

    def __init__(self, watch: Callable[[Seen], None], drop: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.middle, self.last = nn.Linear(8, 64), nn.Linear(64, 64), nn.Linear(64, 1)
        self.drop, self.watch = drop, watch
        self.register_buffer("trained", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 9) to (N, 1)."""
        if not self.training:
            level = CURVE[int(self.trained) // IN_EPOCH]
            return torch.full((len(x), 1), math.sqrt(level), dtype=x.dtype)
        mask = torch.ones(len(x), 64, dtype=torch.float32)
        if self.drop:
            mask = nn.functional.dropout(mask, self.drop)
        rows = [crc32(row.float().numpy().tobytes()) for row in x]
        ids = [int(i) for i in x[:, 0]]
        at, drawn = int(self.trained), crc32(mask.numpy().tobytes())
        self.watch({"at": at, "ids": ids, "rows": rows, "mask": drawn})
        self.trained += 1
        hidden = torch.tanh(self.first(x[:, 1:].to(self.first.weight.dtype)))
        return self.last(torch.tanh(self.middle(hidden * mask.to(hidden.dtype))))


class Master(torch.optim.Optimizer):
    """Plain descent for bfloat16 weights: sums are kept in float32, as mixed precision asks for."""

    def __init__(self, parameters: Any, lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take one step; ``closure`` computes loss and gradients, as for any optimizer."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                master = self.state[p].setdefault("master", p.detach().float().clone())
                master.sub_(p.grad.to(master.dtype), alpha=group["lr"])
                p.copy_(master)
        return loss

    def kind(self) -> str:
        """The type that the sums have now."""
        return str(next(iter(self.state.values()))["master"].dtype).removeprefix("torch.")
