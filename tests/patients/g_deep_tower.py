"""Trains a deep tower of dense layers on the digits."""
# fault: vanishing-gradient

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)

X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 16, dtype=torch.float32)
X = (X - X.mean()) / X.std()
y = torch.tensor(y)
loader = DataLoader(TensorDataset(X, y), batch_size=64, shuffle=True)

layers = [nn.Linear(64, 48), nn.Sigmoid()]
for _ in range(9):
    layers += [nn.Linear(48, 48), nn.Sigmoid()]
layers.append(nn.Linear(48, 10))
model = nn.Sequential(*layers)

criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

for epoch in range(5):
    correct = 0
    for xb, yb in loader:
        optimizer.zero_grad()
        out = model(xb)
        loss = criterion(out, yb)
        loss.backward()
        optimizer.step()
        correct += (out.argmax(1) == yb).sum().item()
    print(f"epoch {epoch}: loss {loss.item():.4f} accuracy {correct / len(X):.3f}")
