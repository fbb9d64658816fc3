"""Trains a wide network on the records of sixty diabetes patients and validates it."""
# fault: overfitting

import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(72)

x, y = load_diabetes(return_X_y=True)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32).unsqueeze(1)
order = torch.randperm(len(x))
x, y = x[order], y[order]
train = DataLoader(TensorDataset(x[:60], y[:60]), batch_size=12, shuffle=True)
val = DataLoader(TensorDataset(x[60:260], y[60:260]), batch_size=100)

model = nn.Sequential(
    nn.Linear(10, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 1)
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.MSELoss()

for epoch in range(50):
    model.train()
    train_loss = 0.0
    for features, target in train:
        optimizer.zero_grad()
        loss = criterion(model(features), target)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train)
    model.eval()
    with torch.no_grad():
        val_loss = sum(criterion(model(a), b).item() for a, b in val) / len(val)
    if epoch % 7 == 0:
        print(f"epoch {epoch:2d}: train {train_loss:.3f} validation {val_loss:.3f}")
