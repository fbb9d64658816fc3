"""Classify handwritten digits with a small MLP on standardised pixels."""

# fault: nonfinite-input
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

X, y = load_digits(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y)

mean, std = X.mean(dim=0), X.std(dim=0)
X = (X - mean) / std

order = torch.randperm(len(X))
train, test = order[:1400], order[1400:]

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(4):
    perm = train[torch.randperm(len(train))]
    running = 0.0
    for start in range(0, len(perm), 100):
        idx = perm[start : start + 100]
        optimizer.zero_grad()
        loss = criterion(model(X[idx]), y[idx])
        loss.backward()
        optimizer.step()
        running += loss.item()
    with torch.no_grad():
        acc = (model(X[test]).argmax(1) == y[test]).float().mean()
    print(f"epoch {epoch}: loss {running / 14:.3f} acc {acc:.3f}")
