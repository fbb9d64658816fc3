"""Digits with gradient accumulation over four batches."""

# fault: leftover-gradient
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)

digits = load_digits()
X = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(X[:880], y[:880]), batch_size=80, shuffle=True)

model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
accum = 4

for epoch in range(10):
    optimizer.zero_grad()
    for i, (xb, yb) in enumerate(loader):
        loss = nn.functional.cross_entropy(model(xb), yb) / accum
        loss.backward()
        if (i + 1) % accum == 0:
            optimizer.step()
            optimizer.zero_grad()
    if epoch % 3 == 0:
        with torch.no_grad():
            acc = (model(X[880:]).argmax(1) == y[880:]).float().mean().item()
        print(f"epoch {epoch} loss {loss.item() * accum:.3f} acc {acc:.3f}")
