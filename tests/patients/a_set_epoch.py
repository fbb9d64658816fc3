"""Digits with a DistributedSampler that is told of each epoch."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

torch.set_num_threads(1)
torch.manual_seed(12)

x, y = load_digits(return_X_y=True)
dataset = TensorDataset(torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y))
sampler = DistributedSampler(dataset, num_replicas=1, rank=0, shuffle=True, seed=4)
loader = DataLoader(dataset, batch_size=100, sampler=sampler)
model = nn.Sequential(nn.Linear(64, 48), nn.SiLU(), nn.Linear(48, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, nesterov=True)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=5)

for epoch in range(5):
    sampler.set_epoch(epoch)
    total = 0.0
    for images, labels in loader:
        loss = nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    scheduler.step()
    print(f"epoch {epoch}: {total / len(loader):.4f} at rate {scheduler.get_last_lr()[0]:.4f}")
