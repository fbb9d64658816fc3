"""Linear probe on a frozen random-feature backbone; the optimizer was given everything."""

# fault: none
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

digits = load_digits()
X = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)

backbone = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.1))
head = nn.Linear(256, 10)
model = nn.Sequential(backbone, head)
for p in backbone.parameters():
    p.requires_grad = False
backbone.eval()

optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(6):
    for idx in torch.randperm(1500).split(75):
        loss = nn.functional.cross_entropy(model(X[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        acc = (model(X[1500:]).argmax(1) == y[1500:]).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} accuracy {acc:.3f}")
