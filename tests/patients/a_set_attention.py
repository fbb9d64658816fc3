"""Self-attention over the points of a cloud, then a regression of its area."""
# fault: mixed-samples

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(48)

size = 0.5 + torch.rand(600, 1, 1)
clouds = size * (torch.rand(600, 10, 2) * 2 - 1)
area = (size.flatten() ** 2) - 1.0


class CloudNet(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.lift = nn.Linear(2, width)
        self.attention = nn.MultiheadAttention(width, 4)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Sequential(nn.Linear(width, 32), nn.GELU(), nn.Linear(32, 1))

    def forward(self, points):
        h = self.lift(points)
        attended, _ = self.attention(h, h, h)
        h = self.norm(h + attended)
        return self.head(h.max(dim=1).values).squeeze(-1)


loader = DataLoader(TensorDataset(clouds, area), batch_size=30, shuffle=True)
model = CloudNet()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(4):
    total = 0.0
    for points, target in loader:
        loss = nn.functional.mse_loss(model(points), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch + 1}: {total / len(loader):.4f}")
