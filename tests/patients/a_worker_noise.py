"""Denoising with noise drawn from the global NumPy and Python generators in two workers."""
# fault: none

import random

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(11)


def seed_worker(worker_id):
    seed = torch.initial_seed() % 2**32
    np.random.seed(seed)
    random.seed(seed)


class NoisyCurves(Dataset):
    def __len__(self):
        return 500

    def __getitem__(self, i):
        phase = random.uniform(0, 6.28)
        clean = np.sin(np.linspace(0, 6.28, 32) * (1 + i % 3) + phase)
        noisy = clean + np.random.normal(0, 0.4, 32)
        return torch.tensor(noisy).float(), torch.tensor(clean).float()


def main():
    generator = torch.Generator()
    generator.manual_seed(0)
    loader = DataLoader(
        NoisyCurves(),
        batch_size=25,
        shuffle=True,
        num_workers=2,
        worker_init_fn=seed_worker,
        generator=generator,
    )
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 32))
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for epoch in range(4):
        losses = []
        for noisy, clean in loader:
            loss = nn.functional.mse_loss(model(noisy), clean)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: {np.mean(losses):.4f}")


if __name__ == "__main__":
    main()
