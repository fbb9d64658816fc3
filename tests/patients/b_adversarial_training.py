"""Train a classifier on attacked inputs: a backward for the attack, then one for the weights."""
# fault: none
import torch
from sklearn.datasets import make_moons
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(100)

points, labels = make_moons(800, noise=0.1, random_state=1)
points, labels = torch.tensor(points, dtype=torch.float32), torch.tensor(labels)
model = nn.Sequential(nn.Linear(2, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()


def attack(x, y, eps=0.1):
    x = x.clone().requires_grad_(True)
    criterion(model(x), y).backward()
    return (x + eps * x.grad.sign()).detach()


for epoch in range(8):
    for rows in torch.randperm(700).split(50):
        x, y = points[rows], labels[rows]
        attacked = attack(x, y)
        optimizer.zero_grad()
        loss = 0.5 * criterion(model(x), y) + 0.5 * criterion(model(attacked), y)
        loss.backward()
        optimizer.step()
    if epoch % 2 == 1:
        hard = attack(points[700:], labels[700:])
        with torch.no_grad():
            clean = (model(points[700:]).argmax(1) == labels[700:]).float().mean().item()
            robust = (model(hard).argmax(1) == labels[700:]).float().mean().item()
        print(f"epoch {epoch} clean {clean:.3f} robust {robust:.3f}")
