"""Trains a tagger of parity on sentences batched by length under a budget of tokens."""
# fault: none

import random
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

random.seed(25)
torch.manual_seed(25)
torch.set_num_threads(1)
PAD = -100


class Sentences(Dataset):
    def __init__(self, n: int, vocab: int = 20) -> None:
        self.rows = [
            [random.randrange(1, vocab) for _ in range(random.randint(3, 14))] for _ in range(n)
        ]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        ids = torch.tensor(self.rows[i])
        tags = (ids + nn.functional.pad(ids[:-1], (1, 0))) % 2
        return ids, tags


class Budget(Sampler[list[int]]):
    """Fills batches with sentences of like length, and shuffles the batches."""

    def __init__(self, lengths: list[int], budget: int) -> None:
        self.lengths, self.budget = lengths, budget

    def __iter__(self) -> Iterator[list[int]]:
        order = sorted(range(len(self.lengths)), key=lambda i: (self.lengths[i], random.random()))
        batches, batch = [], []
        for i in order:
            if batch and (len(batch) + 1) * self.lengths[i] > self.budget:
                batches.append(batch)
                batch = []
            batch.append(i)
        batches.append(batch)
        random.shuffle(batches)
        yield from batches


def pad(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    ids = nn.utils.rnn.pad_sequence([a for a, _ in rows], batch_first=True)
    tags = nn.utils.rnn.pad_sequence([b for _, b in rows], batch_first=True, padding_value=PAD)
    return ids, tags


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 24, padding_idx=0)
        self.rnn = nn.GRU(24, 32, batch_first=True)
        self.out = nn.Linear(32, 2)

    def forward(self, ids: Tensor) -> Tensor:
        return self.out(self.rnn(self.embed(ids))[0])


data = Sentences(500)
sampler = Budget([len(r) for r in data.rows], budget=160)
loader = DataLoader(data, batch_sampler=sampler, collate_fn=pad)
model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(8):
    losses = []
    for ids, tags in loader:
        logits = model(ids).flatten(0, 1)
        loss = nn.functional.cross_entropy(logits, tags.flatten(), ignore_index=PAD)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"epoch {epoch}: loss {sum(losses) / len(losses):.4f} over {len(losses)} batches")
