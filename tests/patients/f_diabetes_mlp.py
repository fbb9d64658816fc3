"""Disease progression (diabetes data) by a small MLP with a validation curve."""

# fault: evaluation-graph
import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(10)

data = load_diabetes()
X = torch.tensor(data.data, dtype=torch.float32) * 20
y = torch.tensor(data.target, dtype=torch.float32).unsqueeze(1)
y = (y - y.mean()) / y.std()

perm = torch.randperm(len(X))
train_ds = TensorDataset(X[perm[:340]], y[perm[:340]])
val_ds = TensorDataset(X[perm[340:]], y[perm[340:]])
train_loader = DataLoader(train_ds, batch_size=34, shuffle=True)
val_loader = DataLoader(val_ds, batch_size=34)

model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(12):
    model.train()
    train_loss = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        train_loss += loss.item()

    model.eval()
    val_loss = 0.0
    for xb, yb in val_loader:
        val_loss += criterion(model(xb), yb).item()

    if epoch % 3 == 2:
        print(epoch, train_loss / len(train_loader), val_loss / len(val_loader))
