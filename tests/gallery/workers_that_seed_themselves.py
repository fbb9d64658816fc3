"""Draws noise from the data set's own generator, which worker_init_fn makes anew in each worker."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, Dataset, get_worker_info


class Noisy(Dataset[torch.Tensor]):
    """Rows with noise."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def __len__(self) -> int:
        return 48

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self.rng.normal(size=4)).float() + index / 48


def seed_worker(worker: int) -> None:
    info = get_worker_info()
    info.dataset.rng = np.random.default_rng((info.seed, worker))


def main() -> None:
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for x in DataLoader(Noisy(), batch_size=8, num_workers=2, worker_init_fn=seed_worker):
        optimizer.zero_grad()
        fn.mse_loss(model(x), x.mean(1, keepdim=True)).backward()
        optimizer.step()
