"""Trains a small CNN on 8x8 digits kept in class folders."""
# fault: sorted-batches

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(1)
torch.set_num_threads(1)


class FolderOfDigits(Dataset):
    """Collects the images of each class, like torchvision's ImageFolder."""

    def __init__(self) -> None:
        images, labels = load_digits(return_X_y=True)
        self.samples: list[tuple[np.ndarray, int]] = []
        for cls in sorted(set(labels.tolist())):
            for row in images[labels == cls]:
                self.samples.append((row, cls))

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        row, cls = self.samples[i]
        image = torch.as_tensor(row, dtype=torch.float32).view(1, 8, 8) / 16
        return image, cls


dataset = FolderOfDigits()
loader = DataLoader(dataset, batch_size=32)

model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(32 * 4 * 4, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(3):
    losses = []
    for images, labels in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"epoch {epoch}: mean loss {np.mean(losses):.3f}")

model.eval()
with torch.no_grad():
    everything = torch.stack([dataset[i][0] for i in range(len(dataset))])
    targets = torch.tensor([cls for _, cls in dataset.samples])
    print("accuracy", (model(everything).argmax(1) == targets).float().mean().item())
