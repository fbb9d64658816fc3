"""Trains a tumour classifier with accumulated gradients that also use the last short window."""
# fault: none

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(10)

x, y = load_breast_cancer(return_X_y=True)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
loader = DataLoader(TensorDataset(x[:450], y[:450]), batch_size=20, shuffle=True)
WINDOW = 4

net = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)

for epoch in range(6):
    total = 0.0
    for i, (features, target) in enumerate(loader):
        last = len(loader) - len(loader) % WINDOW
        size = WINDOW if i < last else len(loader) - last
        loss = nn.functional.binary_cross_entropy_with_logits(net(features).squeeze(1), target)
        (loss / size).backward()
        total += loss.item()
        if (i + 1) % WINDOW == 0 or i + 1 == len(loader):
            optimizer.step()
            optimizer.zero_grad()
    print(f"epoch {epoch}: {total / len(loader):.4f}")
with torch.no_grad():
    print("accuracy", ((net(x[450:]).squeeze(1) > 0) == (y[450:] > 0)).float().mean().item())
