"""Trains a convolutional network on toy shapes with a step schedule taken from a recipe."""
# fault: hasty-schedule

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(55)


def shapes(n):
    image = 0.5 * torch.randn(n, 1, 14, 14)
    kind = torch.randint(0, 4, (n,))
    for im, k in zip(image, kind.tolist()):
        r, c = torch.randint(0, 7, (2,)).tolist()
        patch = im[0, r : r + 7, c : c + 7]
        if k == 0:
            patch[3] += 1.5
        elif k == 1:
            patch[:, 3] += 1.5
        elif k == 2:
            patch += 1.5 * torch.eye(7)
        else:
            patch += 1.5 * torch.eye(7).flip(0)
    return TensorDataset(image, kind)


EPOCHS = 8
train_loader = DataLoader(shapes(640), batch_size=32, shuffle=True)
model = nn.Sequential(
    nn.Conv2d(1, 12, 3),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3),
    nn.ReLU(),
    nn.AdaptiveMaxPool2d(1),
    nn.Flatten(),
    nn.Linear(24, 4),
)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)

for epoch in range(EPOCHS):
    right = 0
    for image, kind in train_loader:
        optimizer.zero_grad()
        out = model(image)
        loss = F.cross_entropy(out, kind)
        loss.backward()
        optimizer.step()
        scheduler.step()
        right += (out.argmax(1) == kind).sum().item()
    print(f"epoch {epoch + 1}/{EPOCHS}: loss {loss.item():.4f} accuracy {right / 640:.3f}")
