"""Digits with mixup: soft targets in the cross-entropy."""
# fault: none
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(79)

digits = load_digits()
x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
y = torch.tensor(digits.target)
model = nn.Sequential(
    nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 10)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
beta = torch.distributions.Beta(0.4, 0.4)

for epoch in range(5):
    model.train()
    for rows in torch.randperm(1500).split(60):
        xb, tb = x[rows], F.one_hot(y[rows], 10).float()
        lam = beta.sample()
        other = torch.randperm(len(xb))
        mixed = lam * xb + (1 - lam) * xb[other]
        soft = lam * tb + (1 - lam) * tb[other]
        loss = F.cross_entropy(model(mixed), soft, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        accuracy = (model(x[1500:]).argmax(1) == y[1500:]).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} test accuracy {accuracy:.3f}")
