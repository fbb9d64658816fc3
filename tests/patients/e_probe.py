"""Trains a linear probe on the features of a frozen backbone that stays in eval mode."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(8)

digits = load_digits()
x = torch.tensor((digits.data - 4.9) / 6.0, dtype=torch.float32)
y = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=70, shuffle=True)

backbone = nn.Sequential(nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.2))
backbone.requires_grad_(False)
backbone.eval()
probe = nn.Linear(256, 10)
model = nn.Sequential(backbone, probe)
optimizer = torch.optim.SGD(
    (p for p in model.parameters() if p.requires_grad), lr=0.05, momentum=0.9
)

for epoch in range(5):
    probe.train()
    for features, label in loader:
        loss = F.cross_entropy(model(features), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        acc = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.3f} held-out accuracy {acc:.3f}")
