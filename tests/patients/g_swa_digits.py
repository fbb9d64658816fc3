"""Trains a digit classifier and averages its weights over the last epochs."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(15)
torch.set_num_threads(1)

X, y = load_digits(return_X_y=True)
images = torch.tensor(X / 16, dtype=torch.float32).view(-1, 1, 8, 8)
labels = torch.tensor(y)
order = torch.randperm(len(images))
fit, held = order[:1400], order[1400:]
loader = DataLoader(TensorDataset(images[fit], labels[fit]), batch_size=70, shuffle=True)

model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(256, 10),
)
averaged = AveragedModel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
swa_schedule = SWALR(optimizer, swa_lr=0.02, anneal_epochs=2)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(6):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
    if epoch >= 3:
        averaged.update_parameters(model)
        swa_schedule.step()
    print(f"epoch {epoch}: loss {loss.item():.4f}")

update_bn(loader, averaged)
averaged.eval()
with torch.no_grad():
    accuracy = (averaged(images[held]).argmax(1) == labels[held]).float().mean().item()
print(f"accuracy of the average {accuracy:.3f}")
