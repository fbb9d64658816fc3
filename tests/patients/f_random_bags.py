"""Sum the values of a bag of tokens; bags, and batches, have any size."""

# fault: none
import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, Sampler

torch.set_num_threads(1)


@dataclass
class Bag:
    ids: Tensor
    value: float


class Bags(Dataset[Bag]):
    def __init__(self, n: int, seed: int) -> None:
        rng = random.Random(seed)
        self.bags = []
        for _ in range(n):
            ids = [rng.randint(1, 20) for _ in range(rng.randint(2, 12))]
            self.bags.append(Bag(torch.tensor(ids), sum(i % 5 - 2 for i in ids) / 4))

    def __len__(self) -> int:
        return len(self.bags)

    def __getitem__(self, i: int) -> Bag:
        return self.bags[i]


class RandomBatches(Sampler[list[int]]):
    """Every index once per epoch, in batches of 8 to 48."""

    def __init__(self, n: int, seed: int) -> None:
        self.n, self.rng = n, random.Random(seed)

    def __iter__(self) -> Iterator[list[int]]:
        order = list(range(self.n))
        self.rng.shuffle(order)
        while order:
            size = self.rng.randint(8, 48)
            yield order[:size]
            order = order[size:]


def collate(bags: list[Bag]) -> tuple[Tensor, Tensor]:
    ids = pad_sequence([b.ids for b in bags], batch_first=True)
    return ids, torch.tensor([b.value for b in bags])


class DeepSet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(21, 16, padding_idx=0)
        self.readout = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, ids: Tensor) -> Tensor:
        return self.readout(self.embed(ids).sum(1)).squeeze(1)


torch.manual_seed(0)
bags = Bags(600, 0)
loader = DataLoader(bags, batch_sampler=RandomBatches(len(bags), 1), collate_fn=collate)
model = DeepSet()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(10):
    total = 0.0
    for ids, value in loader:
        loss = nn.functional.mse_loss(model(ids), value)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(ids)
    print(f"epoch {epoch} loss {total / len(bags):.4f}")
