"""Trains a digit classifier from a table of images and a table of labels."""
# fault: flat-loss
# missed: rows and labels are shuffled apart before any loader; which label a row had is not measured

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(39)
torch.set_num_threads(1)


class Table:
    """A column of rows that can be put in random order."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows

    def shuffled(self, rng: np.random.Generator) -> "Table":
        return Table(self.rows[rng.permutation(len(self.rows))])


class Digits(Dataset):
    def __init__(self, images: Table, labels: Table) -> None:
        self.images = torch.as_tensor(images.rows / 16, dtype=torch.float32)
        self.labels = torch.as_tensor(labels.rows)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int):
        return self.images[i], self.labels[i]


def prepare(seed: int) -> Digits:
    rng = np.random.default_rng(seed)
    images, labels = load_digits(return_X_y=True)
    return Digits(Table(images).shuffled(rng), Table(labels).shuffled(rng))


loader = DataLoader(prepare(seed=3), batch_size=48, shuffle=True)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(4):
    total = hits = 0.0
    for images, labels in loader:
        logits = model(images)
        loss = nn.functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        hits += (logits.argmax(1) == labels).sum().item()
    print(
        f"epoch {epoch}: loss {total / len(loader):.4f} accuracy {hits / len(loader.dataset):.3f}"
    )
