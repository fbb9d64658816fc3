"""A ReLU network for the sum of squares, with weights drawn below zero."""
# fault: dead-units

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(52)


def initialise(layer):
    if isinstance(layer, nn.Linear) and layer.out_features > 1:
        nn.init.uniform_(layer.weight, -0.5, -0.1)
        nn.init.uniform_(layer.bias, -0.1, 0.0)


x = torch.rand(400, 6)
y = (x**2).sum(1, keepdim=True) - 2.0
net = nn.Sequential(nn.Linear(6, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1))
net.apply(initialise)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(6):
    total = 0.0
    for rows in torch.randperm(400).split(25):
        loss = nn.functional.mse_loss(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch + 1}: {total / 16:.4f}")
