"""Trains a tumour classifier with an update after every four small batches."""
# fault: leftover-gradient

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(34)

x, y = load_breast_cancer(return_X_y=True)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)[:, None]
train = DataLoader(TensorDataset(x[:448], y[:448]), batch_size=64, shuffle=True)
EVERY = 4

net = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
criterion = nn.BCEWithLogitsLoss()

updates = 0
for epoch in range(8):
    net.train()
    optimizer.zero_grad()
    for i, (features, target) in enumerate(train):
        loss = criterion(net(features), target) / EVERY
        loss.backward()
        if (i + 1) % EVERY == 0:
            optimizer.step()
            optimizer.zero_grad()
            updates += 1
    net.eval()
    with torch.no_grad():
        acc = ((net(x[448:]) > 0).float() == y[448:]).float().mean().item()
    print(f"epoch {epoch}: {updates} updates, {len(train)} batches an epoch, accuracy {acc:.3f}")
