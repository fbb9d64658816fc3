"""Trains a digits classifier and averages its late weights, the norms re-estimated at the end."""

# fault: none
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(22)

digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=100, shuffle=True)
model = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10))
averaged = AveragedModel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
late = SWALR(optimizer, swa_lr=0.05, anneal_epochs=2)

for epoch in range(8):
    model.train()
    for inputs, targets in loader:
        loss = nn.functional.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch >= 4:
        averaged.update_parameters(model)
        late.step()
    print(epoch, round(loss.item(), 4), optimizer.param_groups[0]["lr"])

update_bn(loader, averaged)
averaged.eval()
with torch.no_grad():
    accuracy = (averaged(x[1500:]).argmax(1) == y[1500:]).float().mean().item()
print(f"averaged accuracy {accuracy:.3f}")
assert accuracy > 0.85
