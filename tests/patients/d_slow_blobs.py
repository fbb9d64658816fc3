"""Blobs classified with settings taken over from a fine-tuning recipe."""
# fault: tiny-update

from dataclasses import dataclass

import torch
from sklearn.datasets import make_blobs
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass(frozen=True)
class Recipe:
    lr: float = 2e-7
    weight_decay: float = 0.01
    batch_size: int = 32
    epochs: int = 8


recipe = Recipe()
torch.set_num_threads(1)
torch.manual_seed(40)

x, y = make_blobs(n_samples=1000, centers=4, n_features=5, cluster_std=2.0, random_state=7)
x = torch.tensor(x, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = torch.tensor(y)
loader = DataLoader(TensorDataset(x[:800], y[:800]), batch_size=recipe.batch_size, shuffle=True)

model = nn.Sequential(nn.Linear(5, 64), nn.GELU(), nn.Linear(64, 4))
optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)

for epoch in range(recipe.epochs):
    model.train()
    mean_loss = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        mean_loss += loss.item() / len(loader)
    model.eval()
    with torch.no_grad():
        acc = (model(x[800:]).argmax(1) == y[800:]).float().mean().item()
    print(f"epoch {epoch}: loss {mean_loss:.5f} accuracy {acc:.3f}")
