"""Trains on an endless stream that draws and shuffles its own samples."""
# fault: none

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset


class Spirals(IterableDataset):
    """Yields points of two spirals out of a buffer in random order."""

    def __init__(self, buffer: int = 128, seed: int = 0) -> None:
        self.buffer, self.seed = buffer, seed

    def points(self, g: torch.Generator) -> Iterator[tuple[Tensor, int]]:
        for i in itertools.count():
            label = i % 2
            r = torch.rand((), generator=g)
            angle = 4.5 * r + 3.14159 * label
            noise = 0.05 * torch.randn(2, generator=g)
            yield 1.7 * (r * torch.stack([angle.cos(), angle.sin()]) + noise), label

    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        g = torch.Generator().manual_seed(self.seed)
        source = self.points(g)
        held = list(itertools.islice(source, self.buffer))
        for new in source:
            place = int(torch.randint(self.buffer, (), generator=g))
            out, held[place] = held[place], new
            yield out


torch.manual_seed(29)
torch.set_num_threads(1)
model = nn.Sequential(nn.Linear(2, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 2))
model = torch.compile(model, backend="eager")
optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
stream = DataLoader(Spirals(), batch_size=48)
right = seen = 0
for i, (x, y) in enumerate(itertools.islice(stream, 240)):
    logits = model(x)
    loss = nn.functional.cross_entropy(logits, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    right += (logits.argmax(1) == y).sum().item()
    seen += len(y)
    if i % 60 == 59:
        print(f"batch {i + 1}: loss {loss.item():.4f} accuracy {right / seen:.3f}")
        right = seen = 0
