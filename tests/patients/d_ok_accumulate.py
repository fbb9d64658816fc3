"""Digits with accumulated gradients, the short last window of an epoch stepped as well."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(70)

x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 16, dtype=torch.float32)
y = torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=16, shuffle=True)
WINDOW = 5

model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

for epoch in range(5):
    model.train()
    running = 0.0
    optimizer.zero_grad()
    for i, (xb, yb) in enumerate(loader):
        start = i - i % WINDOW
        size = min(WINDOW, len(loader) - start)
        loss = nn.functional.cross_entropy(model(xb), yb)
        (loss / size).backward()
        running += loss.item() / len(loader)
        if (i + 1) % WINDOW == 0 or i + 1 == len(loader):
            optimizer.step()
            optimizer.zero_grad()
    model.eval()
    with torch.no_grad():
        acc = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(f"epoch {epoch}: loss {running:.4f} accuracy {acc:.3f}")
