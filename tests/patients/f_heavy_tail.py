"""Regression with heavy-tailed noise; gradients are kept short."""

# fault: misplaced-clip
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

X = torch.randn(1000, 6)
noise = torch.distributions.StudentT(1.5).sample((1000,)) * 0.5
y = X[:, 0] * 2 - X[:, 1] + X[:, 2] * X[:, 3] + noise

model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)

for epoch in range(8):
    total = 0.0
    for idx in torch.randperm(1000).split(40):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(X[idx]).squeeze(1), y[idx])
        loss.backward()
        optimizer.step()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        total += loss.item()
    print(f"epoch {epoch} loss {total / 25:.3f}")
