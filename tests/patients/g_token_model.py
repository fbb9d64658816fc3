"""Trains a GRU to continue a toy sequence of tokens."""
# fault: kept-graph

from collections import defaultdict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

torch.manual_seed(19)
torch.set_num_threads(1)
VOCAB = 11


class Meters:
    """Sums whatever it is given, and averages when asked."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor | float] = defaultdict(float)
        self.counts: dict[str, int] = defaultdict(int)

    def add(self, **values: Tensor) -> None:
        for name, value in values.items():
            self.sums[name] = self.sums[name] + value
            self.counts[name] += 1

    def line(self) -> str:
        return " ".join(f"{k} {float(v) / self.counts[k]:.4f}" for k, v in self.sums.items())


class Language(nn.Module):
    def __init__(self, dim: int = 32) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCAB, dim)
        self.rnn = nn.GRU(dim, dim, batch_first=True)
        self.out = nn.Linear(dim, VOCAB)

    def forward(self, ids: Tensor) -> Tensor:
        return self.out(self.rnn(self.embed(ids))[0])


def batch(n: int = 24, length: int = 16) -> Tensor:
    start = torch.randint(0, VOCAB, (n, 1))
    stride = torch.randint(1, 4, (n, 1))
    return (start + stride * torch.arange(length)) % VOCAB


def losses(model: nn.Module, ids: Tensor) -> tuple[Tensor, Tensor]:
    logits = model(ids[:, :-1])
    nll = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
    return nll, 1e-4 * logits.logsumexp(-1).square().mean()


model = Language()
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
meters = Meters()
for i in range(160):
    nll, z = losses(model, batch())
    loss = nll + z
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    meters.add(loss=loss, nll=nll, z=z)
    if i % 40 == 39:
        print(f"iteration {i + 1}: {meters.line()}")
