"""Trains a bag-of-words classifier of toy headlines with accumulated gradients."""
# fault: none

import random
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

TOPICS = {
    "sport": "match goal team coach league score".split(),
    "money": "market bank share price trade fund".split(),
    "weather": "storm rain cloud snow wind sun".split(),
}
FILLER = "the of a new today says after in big report".split()


@dataclass
class Config:
    batch_size: int = 24
    accumulate: int = 4
    epochs: int = 6
    lr: float = 1e-2


def headline(topic: str) -> list[str]:
    words = random.choices(TOPICS[topic], k=2) + random.choices(FILLER, k=random.randint(3, 7))
    random.shuffle(words)
    return words


def make_corpus(n: int) -> list[tuple[list[str], int]]:
    names = list(TOPICS)
    return [(headline(names[i % 3]), i % 3) for i in range(n)]


class Collate:
    def __init__(self, corpus: list[tuple[list[str], int]]) -> None:
        words = sorted({w for row, _ in corpus for w in row})
        self.index = {w: i for i, w in enumerate(words)}

    def __call__(self, rows: list[tuple[list[str], int]]) -> tuple[Tensor, Tensor, Tensor]:
        ids = [self.index[w] for words, _ in rows for w in words]
        lengths = torch.tensor([0] + [len(words) for words, _ in rows[:-1]])
        return torch.tensor(ids), lengths.cumsum(0), torch.tensor([label for _, label in rows])


random.seed(1)
torch.manual_seed(1)
torch.set_num_threads(1)
cfg = Config()
corpus = make_corpus(600)
collate = Collate(corpus)
loader = DataLoader(corpus, batch_size=cfg.batch_size, shuffle=True, collate_fn=collate)
model = nn.ModuleDict({"bag": nn.EmbeddingBag(len(collate.index), 16), "out": nn.Linear(16, 3)})
optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)

for epoch in range(cfg.epochs):
    total = 0.0
    optimizer.zero_grad()
    for i, (ids, offsets, labels) in enumerate(loader):
        start = i - i % cfg.accumulate
        window = min(cfg.accumulate, len(loader) - start)
        loss = nn.functional.cross_entropy(model["out"](model["bag"](ids, offsets)), labels)
        (loss / window).backward()
        if (i + 1) % cfg.accumulate == 0 or i + 1 == len(loader):
            optimizer.step()
            optimizer.zero_grad()
        total += loss.item()
    print(f"epoch {epoch}: loss {total / len(loader):.4f}")
