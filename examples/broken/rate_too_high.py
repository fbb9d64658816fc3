"""How diabetes progresses in a year. The learning rate was taken from another script."""

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

loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
model = nn.Linear(10, 1)
loss_fn = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)

for epoch in range(4):
    for xb, yb in loader:
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}  loss {loss.item():.3g}")
