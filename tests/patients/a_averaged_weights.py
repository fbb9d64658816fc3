"""Stochastic weight averaging with the batch statistics of the average made anew."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(26)

x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
order = torch.randperm(len(x))
train = TensorDataset(x[order[:1400]], y[order[:1400]])
test_x, test_y = x[order[1400:]], y[order[1400:]]
loader = DataLoader(train, batch_size=70, shuffle=True)
model = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10))
average = AveragedModel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
schedule = SWALR(optimizer, swa_lr=0.05, anneal_epochs=2)

for epoch in range(6):
    model.train()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
    if epoch >= 3:
        average.update_parameters(model)
        schedule.step()
    print(f"epoch {epoch + 1}: {loss.item():.4f}")

update_bn(loader, average)
average.eval()
with torch.no_grad():
    print(f"average of the weights: {(average(test_x).argmax(1) == test_y).float().mean():.3f}")
