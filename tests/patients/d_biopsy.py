"""Benign or malignant: a network over cell measurements with a cosine schedule."""
# fault: single-logit

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(77)

x, y = load_breast_cancer(return_X_y=True)
x = torch.tensor(StandardScaler().fit_transform(x), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
loader = DataLoader(TensorDataset(x[:450], y[:450]), batch_size=30, shuffle=True)

model = nn.Sequential(
    nn.Linear(30, 24),
    nn.LeakyReLU(),
    nn.Linear(24, 12),
    nn.LeakyReLU(),
    nn.Linear(12, 1),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8)

for epoch in range(8):
    model.train()
    total = 0.0
    for features, label in loader:
        optimizer.zero_grad()
        loss = criterion(model(features), label)
        loss.backward()
        optimizer.step()
        total += loss.item()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        benign = (model(x[450:]) > 0).float()
        acc = (benign == y[450:]).float().mean().item()
    print(f"epoch {epoch}: loss {total / len(loader):.4f}, accuracy {acc:.3f}")
