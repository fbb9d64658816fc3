"""Digits with micro-batches of eight and an update after every sixteen of them."""
# fault: unscaled-accumulation

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(26)

MICRO, WINDOW = 8, 16

x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 16, dtype=torch.float32)
y = torch.tensor(y)
loader = DataLoader(
    TensorDataset(x[:1536], y[:1536]), batch_size=MICRO, shuffle=True, drop_last=True
)

model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)

for epoch in range(3):
    model.train()
    running = 0.0
    optimizer.zero_grad()
    for i, (xb, yb) in enumerate(loader):
        loss = criterion(model(xb), yb)
        loss.backward()
        running += loss.item() / len(loader)
        if (i + 1) % WINDOW == 0:
            optimizer.step()
            optimizer.zero_grad()
    model.eval()
    with torch.no_grad():
        acc = (model(x[1536:]).argmax(1) == y[1536:]).float().mean().item()
    print(f"epoch {epoch}: loss {running:.4f} val acc {acc:.3f}")
