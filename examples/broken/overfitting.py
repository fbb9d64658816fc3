"""100 patients learned by heart: the loss of those held out climbs while that of training falls."""

import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
features, progress = load_diabetes(return_X_y=True)
x = torch.tensor(features, dtype=torch.float32)
y = torch.tensor(progress, dtype=torch.float32).unsqueeze(1)
x = (x - x.mean(0)) / x.std(0)
y = (y - y.mean()) / y.std()

train_loader = DataLoader(TensorDataset(x[:100], y[:100]), batch_size=20, shuffle=True)
val_loader = DataLoader(TensorDataset(x[100:], y[100:]), batch_size=100)
model = nn.Sequential(
    nn.Linear(10, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, 1)
)
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

for epoch in range(60):
    model.train()
    for xb, yb in train_loader:
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        val = sum(loss_fn(model(xb), yb).item() for xb, yb in val_loader) / len(val_loader)
    if epoch % 10 == 0:
        print(f"epoch {epoch:2}  train {loss.item():.3f}  validation {val:.3f}")
