"""Train one rank of a two-way sharded job on handwritten digits."""
# fault: frozen-shuffle

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

RANK, WORLD_SIZE = 0, 2

torch.set_num_threads(1)
torch.manual_seed(100 + RANK)

pixels, target = load_digits(return_X_y=True)
dataset = TensorDataset(torch.tensor(pixels / 8.0 - 1.0, dtype=torch.float32), torch.tensor(target))
sampler = DistributedSampler(dataset, num_replicas=WORLD_SIZE, rank=RANK, shuffle=True, seed=7)
loader = DataLoader(dataset, batch_size=48, sampler=sampler, drop_last=True)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 48), nn.LayerNorm(48), nn.GELU())
        self.head = nn.Linear(48, 10)

    def forward(self, x):
        return self.head(self.body(x))


def train_one_epoch(model, optimizer, epoch):
    model.train()
    total, seen, hits = 0.0, 0, 0
    for x, y in loader:
        optimizer.zero_grad()
        logits = model(x)
        loss = nn.functional.cross_entropy(logits, y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        hits += (logits.argmax(-1) == y).sum().item()
        seen += len(x)
    if RANK == 0:
        print(f"epoch {epoch}: loss {total / seen:.4f} accuracy {hits / seen:.3f}")


model = Classifier()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(6):
    train_one_epoch(model, optimizer, epoch)
