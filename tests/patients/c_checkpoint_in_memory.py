"""The best weights are written to memory by torch.save as soon as they are the best."""

# fault: none
import io

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(119)

t = torch.rand(700, 1) * 6
y = torch.sin(2 * t) * torch.exp(-0.3 * t) + 0.05 * torch.randn(700, 1)
t = (t - 3) / 1.73
loader = DataLoader(TensorDataset(t[:560], y[:560]), batch_size=40, shuffle=True)
model = nn.Sequential(nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
best, checkpoint = float("inf"), io.BytesIO()

for epoch in range(20):
    for tb, yb in loader:
        loss = nn.functional.mse_loss(model(tb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        held = nn.functional.mse_loss(model(t[560:]), y[560:]).item()
    if held < best:
        best = held
        checkpoint = io.BytesIO()
        torch.save({"model": model.state_dict(), "epoch": epoch}, checkpoint)
    if epoch % 5 == 0:
        print(epoch, loss.item(), held)

checkpoint.seek(0)
saved = torch.load(checkpoint)
model.load_state_dict(saved["model"])
print("best epoch", saved["epoch"], best)
