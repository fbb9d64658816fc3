"""Separates two concentric rings with a deep network."""
# fault: linear-stack

import torch
from sklearn.datasets import make_circles
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(1)

xy, ring = make_circles(800, factor=0.45, noise=0.08, random_state=1)
xy = torch.tensor(xy, dtype=torch.float32)
ring = torch.tensor(ring, dtype=torch.long)


class DeepNet(nn.Module):
    def __init__(self, widths=(2, 32, 32, 16, 2)):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths[:-1], widths[1:]))
        self.act = nn.ReLU()

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


model = DeepNet()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(10):
    for idx in torch.randperm(len(xy)).split(40):
        optimizer.zero_grad()
        loss = criterion(model(xy[idx]), ring[idx])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        acc = (model(xy).argmax(1) == ring).float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.4f} accuracy {acc:.3f}")
