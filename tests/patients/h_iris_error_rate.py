"""Trains an iris classifier on the share of flowers it gets wrong."""

# fault: detached-loss
import torch
import torch.nn as nn
from sklearn.datasets import load_iris

torch.set_num_threads(1)
torch.manual_seed(20)

iris = load_iris()
X = torch.tensor((iris.data - iris.data.mean(0)) / iris.data.std(0), dtype=torch.float32)
y = torch.tensor(iris.target)
model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(30):
    for rows in torch.randperm(150).split(50):
        optimizer.zero_grad()
        predicted = model(X[rows]).argmax(dim=1)
        error_rate = (predicted != y[rows]).float().mean()
        loss = torch.tensor(error_rate.item(), requires_grad=True)
        loss.backward()
        optimizer.step()
    if epoch % 5 == 0:
        print("epoch", epoch, "loss", loss.item())

with torch.no_grad():
    accuracy = (model(X).argmax(dim=1) == y).float().mean()
print("accuracy", accuracy.item())
