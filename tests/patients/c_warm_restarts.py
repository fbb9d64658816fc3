"""Cosine with warm restarts, stepped by the fraction of the epoch after each batch."""

# fault: none
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

torch.set_num_threads(1)
torch.manual_seed(112)

x = torch.randn(1200, 6)
y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).float()
net = nn.Sequential(nn.Linear(6, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2, eta_min=1e-3)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(14):
    batches = torch.randperm(1000).split(50)
    total = 0.0
    for i, rows in enumerate(batches):
        optimizer.zero_grad()
        loss = criterion(net(x[rows]).squeeze(1), y[rows])
        loss.backward()
        optimizer.step()
        scheduler.step(epoch + (i + 1) / len(batches))
        total += loss.item()
    if epoch % 3 == 0:
        print(f"epoch {epoch} loss {total / len(batches):.3f} lr {scheduler.get_last_lr()[0]:.4f}")
with torch.no_grad():
    print("test", ((net(x[1000:]).squeeze(1) > 0) == (y[1000:] > 0.5)).float().mean().item())
