"""Trains digits with a network that returns log-probabilities and a cross-entropy loss."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(19)

digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
model = nn.Sequential(nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 10), nn.LogSoftmax(dim=1))
model = torch.compile(model, backend="eager")
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
criterion = nn.CrossEntropyLoss()

for step in range(120):
    idx = torch.randint(0, 1500, (50,))
    loss = criterion(model(x[idx]), y[idx])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 29:
        print(f"{step + 1}: {loss.item():.4f}")
with torch.no_grad():
    print("accuracy", (model(x[1500:1550]).argmax(1) == y[1500:1550]).float().mean().item())
