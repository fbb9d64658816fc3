"""Disease progression from ten measurements, with the epoch's loss reported."""
# fault: kept-graph
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(18)

bunch = load_diabetes(scaled=True)
x = torch.tensor(bunch.data, dtype=torch.float32) * 21
y = torch.tensor(bunch.target, dtype=torch.float32).unsqueeze(1)
y = (y - y.mean()) / y.std()
train_loader = DataLoader(TensorDataset(x[:360], y[:360]), batch_size=20, shuffle=True)

model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
loss_func = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(6):
    total_loss = 0
    for x_batch, y_batch in train_loader:
        optimizer.zero_grad()
        loss = loss_func(model(x_batch), y_batch)
        loss.backward()
        optimizer.step()
        total_loss += loss
    print(f"Epoch {epoch + 1}, loss {total_loss / len(train_loader):.4f}")

with torch.no_grad():
    print("test loss", loss_func(model(x[360:]), y[360:]).item())
