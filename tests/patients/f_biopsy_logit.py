"""Malignant or benign from cell nuclei measurements (breast cancer data)."""

# fault: single-logit
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)

data = load_breast_cancer()
X = torch.tensor(data.data, dtype=torch.float32)
X = (X - X.mean(dim=0)) / X.std(dim=0)
y = torch.tensor(data.target, dtype=torch.float32).reshape(-1, 1)

loader = DataLoader(TensorDataset(X[:450], y[:450]), batch_size=45, shuffle=True)

model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

for epoch in range(6):
    epoch_loss = 0.0
    for features, target in loader:
        optimizer.zero_grad()
        output = model(features)
        loss = criterion(output, target)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
    print(f"epoch {epoch}: loss {epoch_loss / len(loader):.4f}")

with torch.no_grad():
    guess = (model(X[450:]) > 0).float()
    print("accuracy:", (guess == y[450:]).float().mean().item())
