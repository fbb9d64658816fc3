"""Transfer a digits backbone to the parity task with a fresh head only."""
# fault: unfrozen-module

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(47)

x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 16, dtype=torch.float32)
y = torch.tensor(y)


class Net(nn.Module):
    def __init__(self, n_out):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 32), nn.ReLU())
        self.head = nn.Linear(32, n_out)

    def forward(self, x):
        return self.head(self.backbone(x))


def fit(model, loader, epochs, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for epoch in range(epochs):
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
        print(f"  epoch {epoch} loss {loss.item():.4f}")


model = Net(10)
print("ten digits")
fit(model, DataLoader(TensorDataset(x[:1000], y[:1000]), batch_size=50, shuffle=True), 5, 3e-3)

before = model.backbone[0].weight.detach().clone()
model.backbone.requires_grad = False
model.head = nn.Linear(32, 2)
parity = TensorDataset(x[1000:1200], y[1000:1200] % 2)
print("parity")
fit(model, DataLoader(parity, batch_size=25, shuffle=True), 5, 3e-3)

model.eval()
with torch.no_grad():
    acc = (model(x[1200:]).argmax(1) == y[1200:] % 2).float().mean().item()
moved = (model.backbone[0].weight.detach() - before).norm().item()
print(f"parity accuracy {acc:.3f}, first layer moved by {moved:.3f}")
