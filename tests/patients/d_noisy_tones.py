"""Tell rising chirps from falling ones in noise made on the fly by two workers."""
# fault: cloned-workers

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


@dataclass
class Config:
    seed: int = 1234
    length: int = 64
    items: int = 320
    batch: int = 32
    epochs: int = 3
    workers: int = 2
    lr: float = 3e-3


cfg = Config()


class Chirps(Dataset):
    def __init__(self, n, length):
        self.n = n
        self.t = np.linspace(0.0, 1.0, length)

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        rising = np.random.rand() < 0.5
        start = np.random.uniform(2.0, 4.0)
        sweep = np.random.uniform(2.0, 5.0)
        t = self.t if rising else 1.0 - self.t
        wave = np.sin(2 * np.pi * (start * t + sweep * t**2))
        wave = wave + 0.3 * np.random.randn(len(t))
        return wave.astype(np.float32), np.float32(rising)


def seed_worker(worker_id):
    np.random.seed(cfg.seed)
    torch.set_num_threads(1)


torch.set_num_threads(1)
torch.manual_seed(cfg.seed)

loader = DataLoader(
    Chirps(cfg.items, cfg.length),
    batch_size=cfg.batch,
    num_workers=cfg.workers,
    worker_init_fn=seed_worker,
)
model = nn.Sequential(
    nn.Unflatten(1, (1, cfg.length)),
    nn.Conv1d(1, 8, 9, stride=2),
    nn.ReLU(),
    nn.Conv1d(8, 16, 9, stride=2),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(16 * 10, 1),
)
opt = torch.optim.Adam(model.parameters(), lr=cfg.lr)

for epoch in range(cfg.epochs):
    seen = 0.0
    for wave, label in loader:
        loss = nn.functional.binary_cross_entropy_with_logits(model(wave).squeeze(1), label)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        seen += loss.item() / len(loader)
    print(f"epoch {epoch}  loss {seen:.4f}")
