"""Digits with a random shift that depends on epoch and index, prepared by two workers."""
# fault: none

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(10)


class ShiftedDigits(Dataset):
    def __init__(self, seed):
        self.images, self.labels = load_digits(return_X_y=True)
        self.seed = seed
        self.epoch = 0

    def __len__(self):
        return 960

    def __getitem__(self, i):
        rng = np.random.default_rng((self.seed, self.epoch, i))
        image = np.roll(self.images[i].reshape(8, 8) / 16, rng.integers(-1, 2, 2), (0, 1))
        image = image + rng.normal(0, 0.05, image.shape)
        return torch.tensor(image, dtype=torch.float32).unsqueeze(0), int(self.labels[i])


def main():
    data = ShiftedDigits(seed=3)
    loader = DataLoader(data, batch_size=48, shuffle=True, num_workers=2)
    net = nn.Sequential(
        nn.Conv2d(1, 12, 3),
        nn.ReLU(),
        nn.Conv2d(12, 24, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(384, 10),
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for epoch in range(3):
        data.epoch = epoch
        right = 0
        for images, labels in loader:
            logits = net(images)
            loss = nn.functional.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            right += (logits.argmax(1) == labels).sum().item()
        print(f"epoch {epoch}: accuracy {right / 960:.3f}")


if __name__ == "__main__":
    main()
