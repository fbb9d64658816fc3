"""Trains a network to read a handwritten digit."""

# fault: regression-on-classes
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(12)

data = load_digits()
X = torch.tensor(data.data / 16, dtype=torch.float32)
y = torch.tensor(data.target, dtype=torch.float32).view(-1, 1)

model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
for epoch in range(8):
    for rows in torch.randperm(len(X)).split(60):
        optimizer.zero_grad()
        loss = criterion(model(X[rows]), y[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (model(X).round() == y).float().mean()
    print("epoch", epoch, "loss", loss.item(), "accuracy", accuracy.item())
