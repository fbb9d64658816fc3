"""Adversarial training on digits: each batch is attacked before it is learned."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(74)

x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 16, dtype=torch.float32)
y = torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1300], y[:1300]), batch_size=50, shuffle=True)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
EPSILON = 0.1


def attack(images, labels):
    images = images.clone().requires_grad_()
    criterion(model(images), labels).backward()
    return (images.detach() + EPSILON * images.grad.sign()).clamp(0, 1)


for epoch in range(5):
    model.train()
    for xb, yb in loader:
        hostile = attack(xb, yb)
        optimizer.zero_grad()
        loss = criterion(model(hostile), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        clean = (model(x[1300:]).argmax(1) == y[1300:]).float().mean().item()
    attacked = attack(x[1300:], y[1300:])
    with torch.no_grad():
        robust = (model(attacked).argmax(1) == y[1300:]).float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.4f} clean {clean:.3f} attacked {robust:.3f}")
