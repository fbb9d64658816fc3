"""Regresses the frequency of noisy sine waves which are drawn on the fly by loader workers."""
# fault: cloned-workers

import random

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

SEED = 1234
torch.set_num_threads(1)
torch.manual_seed(SEED)


class Sines(Dataset):
    def __init__(self, size, points=64):
        self.size = size
        self.t = np.linspace(0, 1, points)

    def __len__(self):
        return self.size

    def __getitem__(self, _):
        freq = np.random.uniform(1.0, 6.0)
        phase = np.random.uniform(0, 2 * np.pi)
        wave = np.sin(2 * np.pi * freq * self.t + phase) + 0.1 * np.random.randn(len(self.t))
        return wave.astype(np.float32), np.float32((freq - 3.5) / 1.5)


def seed_everything(worker_id=0):
    random.seed(SEED)
    np.random.seed(SEED)


seed_everything()
loader = DataLoader(Sines(640), batch_size=32, num_workers=2, worker_init_fn=seed_everything)

net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 32), nn.ReLU(), nn.Linear(32, 1))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)

seen = []
for epoch in range(3):
    for wave, target in loader:
        pred = net(wave).squeeze(1)
        loss = nn.functional.mse_loss(pred, target)
        opt.zero_grad()
        loss.backward()
        opt.step()
        seen.append(target)
    print(f"epoch {epoch}: {loss.item():.4f}")
targets = torch.cat(seen)
print(f"{len(targets)} waves trained on, {len(targets.unique())} different")
