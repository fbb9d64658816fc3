"""Trains a wide network on a few noisy rows and prints both losses each epoch."""

# fault: overfitting
import torch
import torch.nn as nn
from sklearn.datasets import make_classification

torch.set_num_threads(1)
torch.manual_seed(28)

X, y = make_classification(400, 40, n_informative=6, flip_y=0.3, class_sep=0.8, random_state=0)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y)
X = (X - X.mean(0)) / X.std(0)
X_train, y_train, X_val, y_val = X[:80], y[:80], X[80:], y[80:]

model = nn.Sequential(
    nn.Linear(40, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 2)
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
for epoch in range(60):
    model.train()
    for rows in torch.randperm(80).split(20):
        optimizer.zero_grad()
        loss = criterion(model(X_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        val_loss = criterion(model(X_val), y_val)
    if epoch % 6 == 5:
        print(f"epoch {epoch} train {loss.item():.4f} val {val_loss.item():.4f}")
