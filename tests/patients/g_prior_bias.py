"""Trains a detector of the digit zero with a focal-style initialisation."""
# fault: dead-units

import math

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(12)
torch.set_num_threads(1)


def init_for_rare(module: nn.Module, prior: float = 0.1) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.normal_(module.weight, std=0.05)
        nn.init.constant_(module.bias, -math.log((1 - prior) / prior))


class Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )
        self.score = nn.Linear(96, 1)
        self.apply(init_for_rare)

    def forward(self, images: Tensor) -> Tensor:
        return self.score(self.features(images)).squeeze(1)


X, y = load_digits(return_X_y=True)
images = torch.tensor(X, dtype=torch.float32).view(-1, 1, 8, 8) / 16
is_zero = torch.tensor(y == 0, dtype=torch.float32)
loader = DataLoader(TensorDataset(images, is_zero), batch_size=64, shuffle=True)
model = Detector()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(4):
    total = 0.0
    for xb, yb in loader:
        loss = F.binary_cross_entropy_with_logits(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: loss {total / len(loader):.4f}")

model.eval()
with torch.no_grad():
    found = torch.sigmoid(model(images)) > 0.5
print(f"zeros found {found[is_zero == 1].float().mean().item():.3f}")
