"""Fit a noisy sine and report the mean loss of the whole run."""

# fault: kept-graph
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

x = torch.linspace(-3, 3, 400).unsqueeze(1)
y = torch.sin(2 * x) + 0.05 * torch.randn_like(x)

model = nn.Sequential(nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.MSELoss()

total_loss = 0
steps = 0
for epoch in range(40):
    for idx in torch.randperm(400).split(50):
        optimizer.zero_grad()
        loss = criterion(model(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
        total_loss += loss
        steps += 1
    if epoch % 10 == 9:
        print(f"epoch {epoch}: running loss {total_loss / steps:.4f}")
