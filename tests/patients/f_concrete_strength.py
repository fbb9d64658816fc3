"""Concrete strength (synthetic mix recipes) with an exponentially falling rate."""

# fault: early-schedule
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

cement, water, age = torch.rand(800), torch.rand(800), torch.rand(800)
strength = 2 * cement / (0.5 + water) + age.sqrt() + 0.05 * torch.randn(800)
X = torch.stack([cement, water, age], 1) * 2 - 1
y = ((strength - strength.mean()) / strength.std()).unsqueeze(1)

model = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.8)

for epoch in range(10):
    scheduler.step()
    for idx in torch.randperm(700).split(50):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(X[idx]), y[idx])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        val = nn.functional.mse_loss(model(X[700:]), y[700:]).item()
    print(f"epoch {epoch} rate {scheduler.get_last_lr()[0]:.4f} val {val:.4f}")
