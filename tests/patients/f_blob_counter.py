"""Count bright blobs in images that worker processes draw on the fly."""

# fault: cloned-workers
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)


@dataclass
class DataConfig:
    size: int = 16
    length: int = 480
    batch_size: int = 40
    workers: int = 2
    seed: int = 1234


class Blobs(Dataset):
    def __init__(self, cfg: DataConfig) -> None:
        self.cfg = cfg

    def __len__(self) -> int:
        return self.cfg.length

    def __getitem__(self, index: int):
        n = np.random.randint(0, 5)
        img = 0.1 * np.random.rand(self.cfg.size, self.cfg.size)
        for _ in range(n):
            r, c = np.random.randint(1, self.cfg.size - 2, size=2)
            img[r : r + 2, c : c + 2] += 0.9
        return torch.from_numpy(img[None]).float(), n


def seed_worker(worker_id: int) -> None:
    """Make the augmentations reproducible."""
    np.random.seed(DataConfig.seed)


def build_loader(cfg: DataConfig) -> DataLoader:
    return DataLoader(
        Blobs(cfg),
        batch_size=cfg.batch_size,
        num_workers=cfg.workers,
        worker_init_fn=seed_worker,
    )


if __name__ == "__main__":
    cfg = DataConfig()
    torch.manual_seed(cfg.seed)
    loader = build_loader(cfg)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 49, 5)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(3):
        seen = 0.0
        for images, counts in loader:
            loss = nn.functional.cross_entropy(model(images), counts)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += loss.item()
        print(f"epoch {epoch}: {seen / len(loader):.3f}")
