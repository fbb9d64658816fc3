"""Predicts which customers of a synthetic shop leave from their shuffled records."""
# fault: flat-loss
# missed: inputs and targets are shuffled apart before any loader; which target each row had is not measured

import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(71)

x, y = make_classification(12000, 16, n_informative=10, n_clusters_per_class=1, random_state=3)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)


def shuffled(tensor):
    return tensor[torch.randperm(len(tensor))]


customers, leaves = shuffled(x), shuffled(y)
loader = DataLoader(TensorDataset(customers, leaves), batch_size=100, shuffle=True)
model = nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 1), nn.Flatten(0))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(2):
    total = 0.0
    for i, (features, gone) in enumerate(loader, start=1):
        loss = criterion(model(features), gone)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        if i % 40 == 0:
            print(f"epoch {epoch} batch {i:3d}: loss {total / 40:.4f}")
            total = 0.0
