"""Digits with random pixel jitter, and a worker_init_fn for reproducibility."""
# fault: cloned-workers

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)

SEED = 1234


def seed_everything(seed=SEED):
    np.random.seed(seed)
    torch.manual_seed(seed)


def worker_init(worker_id):
    np.random.seed(SEED)


class JitteredDigits(Dataset):
    def __init__(self):
        self.images, self.labels = load_digits(return_X_y=True)
        self.images = self.images.reshape(-1, 8, 8).astype(np.float32) / 16

    def __len__(self):
        return 1024

    def __getitem__(self, i):
        image = self.images[i]
        dx, dy = np.random.randint(-1, 2, size=2)
        image = np.roll(image, (dx, dy), axis=(0, 1))
        image = image + np.random.normal(0, 0.1, image.shape).astype(np.float32)
        return torch.from_numpy(image)[None], int(self.labels[i])


class SmallCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3), nn.ReLU(), nn.Conv2d(12, 24, 3), nn.ReLU()
        )
        self.classifier = nn.Linear(24 * 16, 10)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def run():
    seed_everything()
    loader = DataLoader(
        JitteredDigits(), batch_size=64, shuffle=True, num_workers=2, worker_init_fn=worker_init
    )
    model = SmallCNN()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    for epoch in range(3):
        total, correct = 0.0, 0
        for image, label in loader:
            logits = model(image)
            loss = nn.functional.cross_entropy(logits, label)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(label)
            correct += int((logits.argmax(1) == label).sum())
        print(f"epoch {epoch + 1}: loss {total / 1024:.3f} acc {correct / 1024:.3f}")


if __name__ == "__main__":
    run()
