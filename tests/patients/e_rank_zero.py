"""Trains digits as rank 0 of a two-process job with its own shard of the data."""
# fault: frozen-shuffle

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

torch.set_num_threads(1)
torch.manual_seed(5)
RANK, WORLD = 0, 2

digits = load_digits()
dataset = TensorDataset(
    torch.tensor(digits.data / 16.0, dtype=torch.float32), torch.tensor(digits.target)
)
sampler = DistributedSampler(dataset, num_replicas=WORLD, rank=RANK, shuffle=True, seed=5)
loader = DataLoader(dataset, batch_size=48, sampler=sampler, drop_last=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Linear(64, 80)
        self.norm = nn.LayerNorm(80)
        self.out = nn.Linear(80, 10)

    def forward(self, x):
        return self.out(F.gelu(self.norm(self.inp(x))))


net = Net()
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)

for epoch in range(6):
    total = 0.0
    for x, y in loader:
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += loss.detach()
    print(f"[rank {RANK}] epoch {epoch} loss {total.item() / len(loader):.4f}")
