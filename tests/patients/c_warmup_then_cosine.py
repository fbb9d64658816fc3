"""Warm-up, then cosine, by SequentialLR: the inner schedules are never stepped by hand."""

# fault: none
import torch
import torch.nn as nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

torch.set_num_threads(1)
torch.manual_seed(113)

x = torch.rand(1024, 3) * 2 - 1
y = torch.exp(-(x**2).sum(1, keepdim=True)) + 0.02 * torch.randn(1024, 1)
model = nn.Sequential(nn.Linear(3, 40), nn.GELU(), nn.Linear(40, 40), nn.GELU(), nn.Linear(40, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
warmup = LinearLR(optimizer, start_factor=0.01, total_iters=3)
cosine = CosineAnnealingLR(optimizer, T_max=12)
scheduler = SequentialLR(optimizer, [warmup, cosine], milestones=[3])

for epoch in range(15):
    for rows in torch.randperm(1024).split(64):
        loss = nn.functional.smooth_l1_loss(model(x[rows]), y[rows], beta=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    if epoch % 4 == 0:
        print(epoch, loss.item(), scheduler.get_last_lr())
