"""Regression in windows of four batches."""
# fault: leftover-gradient
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(47)

inputs = torch.randn(440, 6)
outputs = torch.stack([inputs[:, 0] * inputs[:, 1], inputs[:, 2] - inputs[:, 3]], 1) + 0.1 * torch.randn(440, 2)
loader = DataLoader(TensorDataset(inputs, outputs), batch_size=40, shuffle=True)

model = nn.Sequential(nn.Linear(6, 64), nn.SiLU(), nn.Linear(64, 2))
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
accum_iter = 4

for epoch in range(8):
    model.train()
    optimizer.zero_grad()
    total = 0.0
    for batch_idx, (x, t) in enumerate(loader):
        loss = criterion(model(x), t)
        total += loss.item()
        loss = loss / accum_iter
        loss.backward()
        if (batch_idx + 1) % accum_iter == 0:
            optimizer.step()
            optimizer.zero_grad()
    print(f"epoch {epoch}: loss {total / len(loader):.4f}")
