"""A forest-cover-like table with two index samplers over one data set."""
# fault: leaked-validation

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(42)
np.random.seed(42)

x = torch.randn(900, 12)
y = ((x[:, :4] ** 2).sum(1) > 3.4).long() + (x[:, 5] > 1).long()
dataset = TensorDataset(x, y)

indices = list(range(len(dataset)))
np.random.shuffle(indices)
split = int(np.floor(0.2 * len(dataset)))
val_idx = indices[:split]
np.random.shuffle(indices)
train_idx = indices[split:]

train_loader = DataLoader(dataset, batch_size=45, sampler=SubsetRandomSampler(train_idx))
valid_loader = DataLoader(dataset, batch_size=45, sampler=SubsetRandomSampler(val_idx))
model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(6):
    model.train()
    for data, target in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(data), target)
        loss.backward()
        optimizer.step()
    model.eval()
    valid_loss = 0.0
    with torch.no_grad():
        for data, target in valid_loader:
            valid_loss += criterion(model(data), target).item()
    print(f"epoch {epoch + 1}: train {loss.item():.3f} valid {valid_loss / len(valid_loader):.3f}")
