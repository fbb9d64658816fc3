"""Trains a probe on the features of a fixed random network of the breast cancer data."""
# fault: none

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(17)
torch.set_num_threads(1)

X, y = load_breast_cancer(return_X_y=True)
X = torch.tensor(StandardScaler().fit_transform(X), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
loader = DataLoader(TensorDataset(X, y), batch_size=32, shuffle=True)

backbone = nn.Sequential(nn.Linear(30, 128), nn.ReLU(), nn.BatchNorm1d(128, affine=False))
with torch.no_grad():
    for xb, _ in loader:
        backbone(xb)
for p in backbone.parameters():
    p.requires_grad = False
backbone.eval()

head = nn.Linear(128, 1)
model = nn.Sequential(backbone, head)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(6):
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: loss {total / len(loader):.4f}")
with torch.no_grad():
    print("accuracy", ((model(X) > 0).float() == y).float().mean().item())
