"""Two spirals told apart by a two-layer network, accuracy printed on the way."""
# fault: broadcast-metric

import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(20)

n = 300
angle = torch.rand(2 * n).sqrt() * 2.5 * math.pi
label = torch.cat([torch.zeros(n), torch.ones(n)])
radius = angle / (2.5 * math.pi)
x = torch.stack(
    [radius * torch.cos(angle + math.pi * label), radius * torch.sin(angle + math.pi * label)], 1
)
x = 2 * x + 0.03 * torch.randn_like(x)
order = torch.randperm(2 * n)
x, label = x[order], label[order]

net = nn.Sequential(nn.Linear(2, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)


def accuracy(logits, target):
    predicted = (logits > 0).float()
    return (predicted == target).float().mean().item()


for epoch in range(25):
    net.train()
    for rows in torch.randperm(500).split(50):
        optimizer.zero_grad()
        logits = net(x[rows])
        loss = criterion(logits, label[rows].unsqueeze(1))
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        net.eval()
        with torch.no_grad():
            held_out = net(x[500:])
            acc = accuracy(held_out, label[500:])
        print(f"epoch {epoch + 1}: loss {loss.item():.4f} accuracy {acc:.3f}")
