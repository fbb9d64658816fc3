"""Trains a classifier for rare defects and keeps the run's held-out score."""
# fault: leaked-validation

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Parts(NamedTuple):
    features: Tensor
    defect: Tensor


def measure(n: int, generator: torch.Generator) -> Parts:
    x = torch.randn(n, 12, generator=generator)
    score = x[:, 0] * x[:, 1] + 0.5 * x[:, 2] + torch.randn(n, generator=generator)
    return Parts(x, (score > 1.6).float())


def balance(parts: Parts, generator: torch.Generator) -> Parts:
    rare = parts.defect.nonzero().squeeze(1)
    common = (parts.defect == 0).nonzero().squeeze(1)
    drawn = rare[torch.randint(len(rare), (len(common),), generator=generator)]
    keep = torch.cat([common, drawn])
    return Parts(parts.features[keep], parts.defect[keep])


def build_loaders(batch_size: int = 32) -> tuple[DataLoader, DataLoader]:
    g = torch.Generator().manual_seed(5)
    parts = balance(measure(500, g), g)
    dataset = TensorDataset(*parts)
    n_val = len(dataset) // 5
    train, val = random_split(dataset, [len(dataset) - n_val, n_val], generator=g)
    return (
        DataLoader(train, batch_size=batch_size, shuffle=True),
        DataLoader(val, batch_size=64),
    )


torch.manual_seed(5)
torch.set_num_threads(1)
train_loader, val_loader = build_loaders()
model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 1), nn.Flatten(0))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(12):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(x), y)
        loss.backward()
        optimizer.step()
    model.eval()
    right = count = 0
    with torch.no_grad():
        for x, y in val_loader:
            right += ((model(x) > 0).float() == y).sum().item()
            count += len(y)
    if epoch % 4 == 3:
        print(f"epoch {epoch + 1}: loss {loss.item():.3f} held-out accuracy {right / count:.3f}")

fresh = measure(2000, torch.Generator().manual_seed(99))
with torch.no_grad():
    found = (model(fresh.features) > 0).float()
print(f"accuracy on the next delivery {(found == fresh.defect).float().mean().item():.3f}")
