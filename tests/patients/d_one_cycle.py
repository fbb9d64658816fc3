"""Teach a small network the ripple function with a one-cycle rate."""
# fault: early-schedule

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(44)

grid = torch.rand(800, 2) * 4 - 2
ripple = torch.cos(3 * grid.norm(dim=1, keepdim=True))
loader = DataLoader(TensorDataset(grid, ripple), batch_size=40, shuffle=True)
EPOCHS = 8

net = nn.Sequential(nn.Linear(2, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=0.1, total_steps=EPOCHS * len(loader) + 1
)

for epoch in range(EPOCHS):
    running = 0.0
    for xb, yb in loader:
        scheduler.step()
        optimizer.zero_grad()
        loss = nn.functional.smooth_l1_loss(net(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() / len(loader)
    print(f"epoch {epoch}: loss {running:.4f} lr {scheduler.get_last_lr()[0]:.4f}")
