"""Three-armed spiral classified by a small network with batch norm and dropout."""

# fault: train-mode-evaluation
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(4)

n = 200
theta = torch.linspace(0.3, 4.0, n)
points, labels = [], []
for arm in range(3):
    angle = theta + arm * 2.094 + 0.1 * torch.randn(n)
    points.append(torch.stack([theta * angle.cos(), theta * angle.sin()], 1) / 2)
    labels.append(torch.full((n,), arm))
X, y = torch.cat(points), torch.cat(labels)
perm = torch.randperm(len(X))
X, y = X[perm], y[perm]
Xtr, ytr, Xte, yte = X[:480], y[:480], X[480:], y[480:]

model = nn.Sequential(
    nn.Linear(2, 64),
    nn.BatchNorm1d(64),
    nn.ReLU(),
    nn.Dropout(0.4),
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Dropout(0.4),
    nn.Linear(64, 3),
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(15):
    idx = torch.randperm(len(Xtr))
    for chunk in idx.split(60):
        optimizer.zero_grad()
        loss = loss_fn(model(Xtr[chunk]), ytr[chunk])
        loss.backward()
        optimizer.step()

    with torch.no_grad():
        correct = 0
        for chunk in torch.arange(len(Xte)).split(30):
            correct += (model(Xte[chunk]).argmax(1) == yte[chunk]).sum().item()
    if epoch % 3 == 2:
        print(f"epoch {epoch} loss {loss.item():.3f} test accuracy {correct / len(Xte):.3f}")
