"""Logistic regression: do the two coordinates of a point have the same sign?"""

# fault: flat-loss | collapsed-output
# missed: a line sees no more in these targets than in random ones; whether a curve would is not measured
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)

X = torch.randn(1200, 2)
y = (X[:, 0] * X[:, 1] > 0).float().unsqueeze(1)
loader = DataLoader(TensorDataset(X[:1000], y[:1000]), batch_size=50, shuffle=True)

model = nn.Linear(2, 1)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

for epoch in range(12):
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    with torch.no_grad():
        acc = ((model(X[1000:]) > 0) == (y[1000:] > 0.5)).float().mean().item()
    print(f"epoch {epoch} loss {total / len(loader):.4f} accuracy {acc:.3f}")
