"""Predict diabetes progression of new patients from eighty known ones."""
# fault: overfitting

import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(51)

x, y = load_diabetes(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
x, y = (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()
order = torch.randperm(len(x))
train_rows, val_rows = order[:80], order[80:280]
loader = DataLoader(TensorDataset(x[train_rows], y[train_rows]), batch_size=16, shuffle=True)
val_loader = DataLoader(TensorDataset(x[val_rows], y[val_rows]), batch_size=100)

model = nn.Sequential(
    nn.Linear(10, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1)
)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.MSELoss()

for epoch in range(50):
    model.train()
    train_loss = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(loader)
    model.eval()
    val_loss = 0.0
    with torch.no_grad():
        for xb, yb in val_loader:
            val_loss += criterion(model(xb), yb).item() / len(val_loader)
    if epoch % 7 == 0:
        print(f"epoch {epoch}: train {train_loss:.4f} val {val_loss:.4f}")
