"""Trains digits with a cosine schedule in a loop that logs the rate of each epoch."""
# fault: missing-update

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(28)

digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(x, y), batch_size=100, shuffle=True)

model = nn.Sequential(nn.Linear(64, 100), nn.Hardswish(), nn.Linear(100, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=6)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(5):
    total = 0.0
    for features, label in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(features), label)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        total += loss.item()
    scheduler.step()
    print(f"epoch {epoch} rate {scheduler.get_last_lr()[0]:.4f} loss {total / len(loader):.4f}")
