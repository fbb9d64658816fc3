"""Trains a network on the digits as quickly as possible."""
# fault: huge-update

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)

X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 16, dtype=torch.float32)
y = torch.tensor(y)
loader = DataLoader(TensorDataset(X, y), batch_size=64, shuffle=True)

model = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1.0)

for epoch in range(4):
    running = 0.0
    correct = 0
    for xb, yb in loader:
        optimizer.zero_grad()
        output = model(xb)
        loss = loss_fn(output, yb)
        loss.backward()
        optimizer.step()
        running += loss.item()
        correct += (output.argmax(1) == yb).sum().item()
    print(f"epoch {epoch}: loss {running / len(loader):.3f} accuracy {correct / len(X):.3f}")
