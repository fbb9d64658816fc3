"""Trains a 1-D CNN on noisy synthetic chirps, augmented in two loader workers."""
# fault: cloned-workers

import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


@dataclass(frozen=True)
class Config:
    seed: int = 17
    length: int = 64
    items: int = 320
    batch_size: int = 20
    workers: int = 2
    epochs: int = 2


CFG = Config()


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def worker_init(worker_id: int) -> None:
    seed_everything(CFG.seed)
    torch.set_num_threads(1)


class Chirps(Dataset):
    def __len__(self) -> int:
        return CFG.items

    def __getitem__(self, i: int):
        label = i % 3
        t = np.linspace(0, 1, CFG.length)
        phase = np.random.uniform(0, 2 * np.pi)
        gain = np.random.uniform(0.7, 1.3)
        wave = gain * np.sin(2 * np.pi * (3 + 2 * label * t) * t + phase)
        wave = wave + np.random.normal(0, 0.2, CFG.length)
        return torch.as_tensor(wave, dtype=torch.float32)[None], label


seed_everything(CFG.seed)
torch.set_num_threads(1)
loader = DataLoader(
    Chirps(),
    batch_size=CFG.batch_size,
    shuffle=True,
    num_workers=CFG.workers,
    worker_init_fn=worker_init,
    multiprocessing_context="fork",
)
net = nn.Sequential(
    nn.Conv1d(1, 16, 7, padding=3),
    nn.ReLU(),
    nn.MaxPool1d(4),
    nn.Conv1d(16, 32, 5, padding=2),
    nn.ReLU(),
    nn.AdaptiveMaxPool1d(1),
    nn.Flatten(),
    nn.Linear(32, 3),
)
opt = torch.optim.Adam(net.parameters(), lr=3e-3)

for epoch in range(CFG.epochs):
    losses = []
    for waves, labels in loader:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(waves), labels)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    print(f"epoch {epoch}: {np.mean(losses):.4f}")
