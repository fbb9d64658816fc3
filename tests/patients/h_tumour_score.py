"""Trains a breast-cancer classifier and prints its accuracy after each epoch."""

# fault: broadcast-metric
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer

torch.set_num_threads(1)
torch.manual_seed(15)

data = load_breast_cancer()
X = torch.tensor((data.data - data.data.mean(0)) / data.data.std(0), dtype=torch.float32)
y = torch.tensor(data.target, dtype=torch.float32)
X_train, y_train, X_test, y_test = X[:450], y[:450], X[450:], y[450:]

model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
for epoch in range(8):
    for rows in torch.randperm(450).split(50):
        optimizer.zero_grad()
        loss = criterion(model(X_train[rows]), y_train[rows].unsqueeze(1))
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        predicted = (torch.sigmoid(model(X_test)) > 0.5).float()
        accuracy = (predicted == y_test).float().mean()
    print(f"epoch {epoch} loss {loss.item():.4f} test accuracy {accuracy.item():.4f}")
