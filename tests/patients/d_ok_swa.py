"""Averaged weights on the moons, batch-norm statistics taken anew at the end."""
# fault: none

import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(78)

x, y = make_moons(700, noise=0.2, random_state=5)
x = torch.tensor(x, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = torch.tensor(y)
loader = DataLoader(TensorDataset(x[:500], y[:500]), batch_size=50, shuffle=True)

model = nn.Sequential(
    nn.Linear(2, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32), nn.BatchNorm1d(32)
)
model.extend([nn.ReLU(), nn.Linear(32, 2)])
averaged = AveragedModel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
late = SWALR(optimizer, swa_lr=0.03, anneal_epochs=2)

for epoch in range(12):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    if epoch >= 6:
        averaged.update_parameters(model)
        late.step()
    print(f"epoch {epoch} loss {loss.item():.4f}")

update_bn(loader, averaged)
averaged.eval()
with torch.no_grad():
    print("accuracy", (averaged(x[500:]).argmax(1) == y[500:]).float().mean().item())
