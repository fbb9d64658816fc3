"""Forecast tomorrow's power load from the last seven days."""

# fault: tiny-update
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

days = torch.arange(900).float()
load = torch.sin(days / 7 * 6.2832) + 0.5 * torch.sin(days / 50) + 0.1 * torch.randn(900)
X = load.unfold(0, 7, 1)[:-1]
y = load[7:].unsqueeze(1)

model = nn.Sequential(nn.Linear(7, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
loss_fn = nn.MSELoss()

for epoch in range(15):
    for i in range(0, 800, 50):
        pred = model(X[i : i + 50])
        loss = loss_fn(pred, y[i : i + 50])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} loss {loss.item():.6f}")
