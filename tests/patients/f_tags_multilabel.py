"""Tag short token sequences with several topics at once."""

# fault: probabilities-as-logits
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class TagConfig:
    vocab: int = 60
    topics: int = 6
    words: int = 12
    dim: int = 24
    steps: int = 200
    batch: int = 50
    lr: float = 1e-2


class Head(Protocol):
    def __call__(self, h: Tensor) -> Tensor: ...


class LinearHead(nn.Module):
    def __init__(self, dim: int, topics: int) -> None:
        super().__init__()
        self.fc = nn.Linear(dim, topics)

    def forward(self, h: Tensor) -> Tensor:
        return self.fc(h)


class GatedHead(LinearHead):
    """Lets the document decide how much each topic counts."""

    def __init__(self, dim: int, topics: int) -> None:
        super().__init__(dim, topics)
        self.gate = nn.Linear(dim, topics)

    def forward(self, h: Tensor) -> Tensor:
        score = super().forward(h) + nn.functional.silu(self.gate(h))
        return score.sigmoid()


class Tagger(nn.Module):
    def __init__(self, cfg: TagConfig, head: Head) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(cfg.vocab, cfg.dim, mode="sum")
        self.head = head

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.bag(ids))


def make_docs(cfg: TagConfig, n: int) -> tuple[Tensor, Tensor]:
    ids = torch.randint(0, cfg.vocab, (n, cfg.words))
    topic = ids // (cfg.vocab // cfg.topics)
    counts = nn.functional.one_hot(topic, cfg.topics).sum(1)
    return ids, (counts >= 3).float()


def train(cfg: TagConfig, model: nn.Module) -> None:
    ids, tags = make_docs(cfg, 2000)
    objective = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    for step in range(cfg.steps):
        pick = torch.randint(0, len(ids), (cfg.batch,))
        loss = objective(model(ids[pick]), tags[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 49:
            print(f"step {step:3d} loss {loss.item():.4f}")


torch.manual_seed(1)
cfg = TagConfig()
train(cfg, Tagger(cfg, GatedHead(cfg.dim, cfg.topics)))
