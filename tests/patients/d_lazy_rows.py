"""Classify signals stored in a file, each one normalised as it is read."""
# fault: starved-loop

import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(53)
rng = np.random.default_rng(53)


class StoredSignals(Dataset):
    def __init__(self, path):
        self.path = path
        with np.load(path) as archive:
            self.n = len(archive["label"])

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        with np.load(self.path) as archive:
            signal, label = archive["signal"], archive["label"]
        mean, std = signal.mean(axis=0), signal.std(axis=0)
        row = (signal[i] - mean) / std
        return torch.from_numpy(row.astype(np.float32)), int(label[i])


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "signals.npz"
    label = rng.integers(0, 3, size=240)
    t = np.linspace(0, 1, 40)
    signal = np.sin(2 * np.pi * (label[:, None] + 1.5) * t) + rng.normal(0, 0.5, (240, 40))
    np.savez_compressed(path, signal=signal, label=label)

    loader = DataLoader(StoredSignals(path), batch_size=16, shuffle=True)
    model = nn.Sequential(nn.Linear(40, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    for epoch in range(2):
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() / len(loader)
        print(f"epoch {epoch} loss {total:.4f}")
