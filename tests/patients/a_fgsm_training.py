"""Adversarial training: the attack is made in eval mode, the update in train mode."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(14)

x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
order = torch.randperm(len(x))
x, y = x[order], y[order]
model = nn.Sequential(
    nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def fgsm(model, images, labels, epsilon=0.05):
    model.eval()
    images = images.clone().requires_grad_(True)
    F.cross_entropy(model(images), labels).backward()
    attacked = (images + epsilon * images.grad.sign()).clamp(0, 1).detach()
    model.train()
    return attacked


model.train()
for epoch in range(4):
    for rows in torch.randperm(1500).split(60):
        attacked = fgsm(model, x[rows], y[rows])
        optimizer.zero_grad()
        loss = F.cross_entropy(model(attacked), y[rows])
        loss.backward()
        optimizer.step()
    attacked = fgsm(model, x[1500:], y[1500:])
    model.eval()
    with torch.no_grad():
        clean = (model(x[1500:]).argmax(1) == y[1500:]).float().mean().item()
        robust = (model(attacked).argmax(1) == y[1500:]).float().mean().item()
    model.train()
    print(f"epoch {epoch + 1}: clean {clean:.3f}, attacked {robust:.3f}")
