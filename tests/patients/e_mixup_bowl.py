"""Trains a wine classifier on mixed samples with mixed, smoothed targets."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(18)

x, y = load_wine(return_X_y=True)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor(y)
order = torch.randperm(len(x))
fit, hold = order[:130], order[130:]
loader = DataLoader(TensorDataset(x[fit], y[fit]), batch_size=26, shuffle=True)

net = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
beta = torch.distributions.Beta(0.3, 0.3)

for epoch in range(12):
    net.train()
    for features, label in loader:
        partner = torch.randperm(len(features))
        lam = beta.sample().item()
        soft = F.one_hot(label, 3).float()
        soft = lam * soft + (1 - lam) * soft[partner]
        loss = criterion(net(lam * features + (1 - lam) * features[partner]), soft)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        acc = (net(x[hold]).argmax(1) == y[hold]).float().mean().item()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1}: loss {loss.item():.3f} accuracy {acc:.3f}")
