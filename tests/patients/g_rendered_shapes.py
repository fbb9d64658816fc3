"""Trains a linear model to tell drawn squares from drawn discs."""
# fault: starved-loop

import random

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

random.seed(41)
torch.manual_seed(41)
torch.set_num_threads(1)


class Shapes(Dataset):
    """Draws an image with a square or a disc, pixel by pixel, each time it is asked."""

    size = 24
    samples = 5

    def __len__(self) -> int:
        return 256

    def inside(self, label: int, dx: float, dy: float, radius: float) -> bool:
        if label:
            return dx * dx + dy * dy < radius * radius
        return max(abs(dx), abs(dy)) < radius * 0.886

    def pixel(self, label: int, i: int, j: int, cx: float, cy: float, radius: float) -> float:
        lit = 0
        for a in range(self.samples):
            for b in range(self.samples):
                dx = j + a / self.samples - cx
                dy = i + b / self.samples - cy
                lit += self.inside(label, dx, dy, radius)
        return lit / self.samples**2

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        label = index % 2
        cx, cy = random.uniform(10, 14), random.uniform(10, 14)
        radius = random.uniform(6, 9)
        rows = [
            [self.pixel(label, i, j, cx, cy, radius) for j in range(self.size)]
            for i in range(self.size)
        ]
        return torch.tensor(rows).flatten(), label


loader = DataLoader(Shapes(), batch_size=16, shuffle=True)
model = nn.Sequential(nn.Linear(Shapes.size**2, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(1):
    for i, (images, labels) in enumerate(loader):
        loss = nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if i % 4 == 3:
            print(f"batch {i + 1}: loss {loss.item():.4f}")
