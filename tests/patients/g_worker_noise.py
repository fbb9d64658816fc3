"""Trains a denoiser on noise drawn in loader workers, each with its own generator."""
# fault: none

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, get_worker_info

torch.manual_seed(34)
torch.set_num_threads(1)


class Noisy(Dataset):
    def __init__(self, n: int, length: int = 32) -> None:
        self.n, self.length = n, length
        self.rng: np.random.Generator | None = None

    def generator(self) -> np.random.Generator:
        if self.rng is None:
            info = get_worker_info()
            self.rng = np.random.default_rng(info.seed if info else 0)
        return self.rng

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        rng = self.generator()
        t = np.linspace(0, 2 * math.pi, self.length)
        clean = np.sin(rng.uniform(1, 3) * t + rng.uniform(0, 6))
        noisy = clean + rng.normal(0, 0.4, self.length)
        return torch.tensor(noisy).float(), torch.tensor(clean).float()


def one_thread(_: int) -> None:
    torch.set_num_threads(1)


loader = DataLoader(
    Noisy(640),
    batch_size=32,
    shuffle=True,
    num_workers=2,
    worker_init_fn=one_thread,
    multiprocessing_context="fork",
)
model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 32))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(4):
    total = 0.0
    for noisy, clean in loader:
        loss = nn.functional.mse_loss(model(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: mse {total / len(loader):.4f}")
