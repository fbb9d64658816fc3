"""Detects rare events with a weighted sampler and two workers that add their own noise."""
# fault: none

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

torch.set_num_threads(1)
torch.manual_seed(31)


class Events(Dataset):
    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.label = (rng.random(n) < 0.1).astype(np.int64)
        t = np.linspace(0, 1, 40)
        bump = np.exp(-(((t - 0.5) / 0.1) ** 2))
        self.wave = 0.6 * rng.standard_normal((n, 40)) + self.label[:, None] * bump

    def __len__(self):
        return len(self.label)

    def __getitem__(self, i):
        noise = 0.1 * np.random.standard_normal(40)
        return (self.wave[i] + noise).astype(np.float32), self.label[i]


def seed_worker(worker_id):
    np.random.seed(torch.initial_seed() % 2**32)


train = Events(600, seed=1)
weight = np.where(train.label == 1, 9.0, 1.0)
sampler = WeightedRandomSampler(weight.tolist(), num_samples=600)
loader = DataLoader(
    train, batch_size=50, sampler=sampler, num_workers=2, worker_init_fn=seed_worker
)
net = nn.Sequential(nn.Linear(40, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(4):
    for wave, label in loader:
        loss = nn.functional.cross_entropy(net(wave), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: {loss.item():.4f}")
test = Events(400, seed=2)
wave, label = torch.tensor(test.wave, dtype=torch.float32), torch.tensor(test.label)
with torch.no_grad():
    guess = net(wave).argmax(1)
print("recall", (guess[label == 1] == 1).float().mean().item())
print("specificity", (guess[label == 0] == 0).float().mean().item())
