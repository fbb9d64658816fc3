"""Tag every token of toy sentences with a bidirectional LSTM; the rate halves along the way."""

# fault: hasty-schedule
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


@dataclass
class TaggerConfig:
    vocab: int = 40
    tags: int = 5
    length: int = 10
    epochs: int = 8
    lr: float = 5e-3
    halve_every_epochs: int = 2
    batch_size: int = 32


class Tagger(nn.Module):
    def __init__(self, cfg: TaggerConfig) -> None:
        super().__init__()
        self.embed = nn.Embedding(cfg.vocab, 16)
        self.lstm = nn.LSTM(16, 16, batch_first=True, bidirectional=True)
        self.out = nn.Linear(32, cfg.tags)

    def forward(self, ids: Tensor) -> Tensor:
        return self.out(self.lstm(self.embed(ids))[0])


class Runner:
    def __init__(self, cfg: TaggerConfig) -> None:
        self.cfg = cfg
        self.model = Tagger(cfg)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=cfg.lr)
        self.scheduler = StepLR(self.optimizer, step_size=cfg.halve_every_epochs, gamma=0.5)

    def _apply(self, loss: Tensor) -> None:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()

    def epoch(self, loader: DataLoader) -> float:
        total = 0.0
        for ids, tags in loader:
            loss = nn.functional.cross_entropy(self.model(ids).flatten(0, 1), tags.flatten())
            self._apply(loss)
            total += loss.item()
        return total / len(loader)


def sentences(cfg: TaggerConfig, n: int) -> TensorDataset:
    ids = torch.randint(0, cfg.vocab, (n, cfg.length))
    before = torch.cat([torch.zeros(n, 1, dtype=torch.long), ids[:, :-1]], dim=1)
    return TensorDataset(ids, (ids + before) % cfg.tags)


torch.manual_seed(0)
cfg = TaggerConfig()
loader = DataLoader(sentences(cfg, 640), batch_size=cfg.batch_size, shuffle=True)
runner = Runner(cfg)
for epoch in range(cfg.epochs):
    mean = runner.epoch(loader)
    print(f"epoch {epoch} loss {mean:.4f}")
