"""Separate two interleaved moons with a batch-normalised network, with early stopping."""
# fault: train-mode-evaluation

import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(13)

x, y = make_moons(800, noise=0.2, random_state=0)
x = torch.tensor(x, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
x = (x - x[:600].mean(0)) / x[:600].std(0)
train = DataLoader(TensorDataset(x[:600], y[:600]), batch_size=50, shuffle=True)
valid = DataLoader(TensorDataset(x[600:], y[600:]), batch_size=20)

model = nn.Sequential(
    nn.Linear(2, 32),
    nn.BatchNorm1d(32),
    nn.ReLU(),
    nn.Dropout(0.5),
    nn.Linear(32, 32),
    nn.BatchNorm1d(32),
    nn.ReLU(),
    nn.Dropout(0.5),
    nn.Linear(32, 1),
)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

best, patience = float("inf"), 4
for epoch in range(15):
    for xb, yb in train:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()

    val_loss, hits = 0.0, 0
    with torch.no_grad():
        for xb, yb in valid:
            out = model(xb)
            val_loss += criterion(out, yb).item() / len(valid)
            hits += ((out > 0).float() == yb).sum().item()
    print(f"epoch {epoch} val loss {val_loss:.4f} val acc {hits / 200:.3f}")

    if val_loss < best:
        best, patience = val_loss, 4
    else:
        patience -= 1
        if patience == 0:
            print("stopping early")
            break
