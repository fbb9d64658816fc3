"""Edible or not, from six yes-or-no properties: rows repeat because there are few to have."""
# fault: none

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
torch.manual_seed(8)

properties = (torch.rand(700, 6) < 0.5).float()
poison = (properties[:, 0] * (1 - properties[:, 2]) + properties[:, 4] * properties[:, 5]).clamp(
    max=1
)
flip = torch.rand(700) < 0.05
label = torch.where(flip, 1 - poison, poison)
train_set, valid_set = random_split(TensorDataset(properties, label), [560, 140])
train_loader = DataLoader(train_set, batch_size=28, shuffle=True)
valid_loader = DataLoader(valid_set, batch_size=70)

model = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 1), nn.Flatten(0))
optimizer = torch.optim.RMSprop(model.parameters(), lr=5e-3)
criterion = nn.BCEWithLogitsLoss()
for epoch in range(6):
    model.train()
    for x, y in train_loader:
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    right = 0
    with torch.no_grad():
        for x, y in valid_loader:
            right += ((model(x) > 0).float() == y).sum().item()
    print(f"epoch {epoch}: valid accuracy {right / 140:.3f}")
