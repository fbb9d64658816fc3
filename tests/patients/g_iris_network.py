"""Trains a network to predict the species of an iris."""
# fault: regression-on-classes

import torch
from sklearn.datasets import load_iris
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)

iris = load_iris()
X = torch.tensor(iris.data, dtype=torch.float32)
X = (X - X.mean(dim=0)) / X.std(dim=0)
species = torch.tensor(iris.target, dtype=torch.float32).view(-1, 1)

loader = DataLoader(TensorDataset(X, species), batch_size=15, shuffle=True)

model = nn.Sequential(
    nn.Linear(4, 10),
    nn.ReLU(),
    nn.Linear(10, 1),
)
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(15):
    for xb, yb in loader:
        pred = model(xb)
        loss = loss_fn(pred, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        print(f"Epoch {epoch + 1}, loss {loss.item():.4f}")

with torch.no_grad():
    predicted = model(X).round()
    print("accuracy:", (predicted == species).float().mean().item())
