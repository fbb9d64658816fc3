"""Regression whose uncertainty comes from many passes with dropout switched on."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(65)

x = torch.rand(300, 1) * 4 - 2
y = torch.sin(2 * x) + 0.1 * torch.randn(300, 1)

net = nn.Sequential(
    nn.Linear(1, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1)
)
net.append(nn.Linear(64, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)


def mc_predict(inputs, passes=30):
    net.train()
    with torch.no_grad():
        draws = torch.stack([net(inputs) for _ in range(passes)])
    return draws.mean(0), draws.std(0)


for epoch in range(30):
    net.train()
    for rows in torch.randperm(300).split(30):
        loss = nn.functional.mse_loss(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1} loss {loss.item():.4f}")

inside = torch.linspace(-2, 2, 50).unsqueeze(1)
outside = torch.linspace(4, 6, 50).unsqueeze(1)
for name, inputs in (("inside", inside), ("outside", outside)):
    mean, std = mc_predict(inputs)
    print(f"{name}: mean spread {std.mean().item():.3f}")
