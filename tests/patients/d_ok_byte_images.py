"""Pictures with pixels of 0 to 255 behind a batch norm that takes care of the scale."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.set_num_threads(1)
torch.manual_seed(96)

digits = load_digits()
images = torch.tensor(digits.images * 255 / 16).to(torch.uint8).unsqueeze(1)
target = torch.tensor(digits.target)
train, test = slice(0, 1300), slice(1300, None)
weights = 1.0 / torch.bincount(target[train])[target[train]].float()
sampler = WeightedRandomSampler(weights, num_samples=1300, replacement=True)
loader = DataLoader(TensorDataset(images[train], target[train]), batch_size=52, sampler=sampler)

model = nn.Sequential(
    nn.BatchNorm2d(1),
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(5):
    model.train()
    for xb, yb in loader:
        loss = nn.functional.cross_entropy(model(xb.float()), yb)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    with torch.no_grad():
        acc = (model(images[test].float()).argmax(1) == target[test]).float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.4f} accuracy {acc:.3f}")
