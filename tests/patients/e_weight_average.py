"""Averages the weights of the last epochs and re-estimates the normalisation statistics."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.swa_utils import AveragedModel, SWALR, update_bn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(24)

digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=70, shuffle=True)
model = nn.Sequential(nn.Linear(64, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 10))
average = AveragedModel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
swa_schedule = SWALR(optimizer, swa_lr=0.03, anneal_epochs=2)

for epoch in range(8):
    model.train()
    for features, label in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(features), label)
        loss.backward()
        optimizer.step()
    if epoch >= 4:
        average.update_parameters(model)
        swa_schedule.step()
    print(f"epoch {epoch}: {loss.item():.4f}")
update_bn(loader, average)
average.eval()
with torch.no_grad():
    print("accuracy", (average(x[1400:]).argmax(1) == y[1400:]).float().mean().item())
