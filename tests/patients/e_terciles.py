"""Sorts diabetes patients into three risk groups with a linear model and mini-batches."""
# fault: huge-update

import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(35)

x, progression = load_diabetes(return_X_y=True)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
progression = torch.tensor(progression)
edges = torch.quantile(progression, torch.tensor([1 / 3, 2 / 3], dtype=torch.float64))
group = torch.bucketize(progression, edges)

model = nn.Linear(10, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=40.0)

for epoch in range(15):
    total = 0.0
    batches = torch.randperm(len(x)).split(34)
    for idx in batches:
        loss = F.cross_entropy(model(x[idx]), group[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 0:
        with torch.no_grad():
            acc = (model(x).argmax(1) == group).float().mean().item()
        print(f"epoch {epoch:2d}: loss {total / len(batches):.3f} accuracy {acc:.3f}")
