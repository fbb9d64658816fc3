"""Trains a spiral classifier with a rate that goes down linearly over the epochs."""
# fault: zero-learning-rate

import math

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

torch.set_num_threads(1)
torch.manual_seed(60)

N, ARMS, EPOCHS = 200, 3, 12
radius = torch.linspace(0.1, 1, N).repeat(ARMS)
arm = torch.arange(ARMS).repeat_interleave(N)
angle = 4 * radius + arm * 2 * math.pi / ARMS + 0.1 * torch.randn(N * ARMS)
xy = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)

net = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, ARMS))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
scheduler = LambdaLR(optimizer, lambda epoch: (EPOCHS - epoch) // EPOCHS)
criterion = nn.CrossEntropyLoss()

for epoch in range(EPOCHS):
    total = 0.0
    for idx in torch.randperm(len(xy)).split(40):
        optimizer.zero_grad()
        loss = criterion(net(xy[idx]), arm[idx])
        loss.backward()
        optimizer.step()
        total += loss.item()
    scheduler.step()
    print(f"epoch {epoch:2d} loss {total / 15:.4f}")
