"""Trains digits with a virtual batch of 256 made of sixteen small ones."""
# fault: unscaled-accumulation

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(7)

MICRO, VIRTUAL = 16, 256
accumulate = VIRTUAL // MICRO

digits = load_digits()
x = torch.tensor((digits.data - 4.9) / 6.0, dtype=torch.float32)[:1536]
y = torch.tensor(digits.target)[:1536]
loader = DataLoader(TensorDataset(x, y), batch_size=MICRO, shuffle=True, drop_last=True)

model = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.08, momentum=0.9)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(6):
    optimizer.zero_grad()
    total = 0.0
    for i, (features, label) in enumerate(loader, start=1):
        loss = loss_fn(model(features), label)
        loss.backward()
        total += loss.item()
        if i % accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
    print(f"epoch {epoch}: loss {total / len(loader):.3f}")
