"""A seven-layer perceptron learns handwritten digits."""
# fault: vanishing-gradient | collapsed-output

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(32)

x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 8 - 1, dtype=torch.float32)
y = torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=70, shuffle=True)


def deep(sizes):
    layers = []
    for n_in, n_out in zip(sizes[:-2], sizes[1:-1], strict=True):
        layers += [nn.Linear(n_in, n_out), nn.Sigmoid()]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


model = deep([64] + [40] * 6 + [10])
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
criterion = nn.CrossEntropyLoss()

for epoch in range(8):
    model.train()
    total = 0.0
    for xb, yb in loader:
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / len(loader)
    model.eval()
    with torch.no_grad():
        acc = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(f"epoch {epoch}: loss {total:.4f} val acc {acc:.3f}")
