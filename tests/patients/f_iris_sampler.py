"""Iris with a distributed sampler, run on a single rank for debugging."""

# fault: frozen-shuffle
import torch
from sklearn.datasets import load_iris
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

torch.set_num_threads(1)
torch.manual_seed(0)

iris = load_iris()
X = torch.tensor(iris.data, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(iris.target)

dataset = TensorDataset(X, y)
sampler = DistributedSampler(dataset, num_replicas=1, rank=0, shuffle=True, seed=3)
loader = DataLoader(dataset, batch_size=15, sampler=sampler)

model = nn.Sequential(nn.Linear(4, 24), nn.Tanh(), nn.Linear(24, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

for epoch in range(12):
    total, hits = 0.0, 0
    for xb, yb in loader:
        logits = model(xb)
        loss = nn.functional.cross_entropy(logits, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        hits += (logits.argmax(1) == yb).sum().item()
    print(f"epoch {epoch:2d} loss {total / len(loader):.3f} acc {hits / len(dataset):.3f}")
