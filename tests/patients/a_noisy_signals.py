"""A small 1-d CNN that names a waveform, with random shifts and noise in the dataset."""
# fault: cloned-workers

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(0)


class Waves(Dataset):
    def __init__(self, n, seed=0):
        self.n = n
        self.rng = np.random.default_rng(seed)

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        kind = index % 3
        t = np.linspace(0, 1, 64) * 2 * np.pi * self.rng.uniform(2, 4) + self.rng.uniform(0, 6.28)
        wave = [np.sin(t), np.sign(np.sin(t)), 2 * ((t / 6.2832) % 1) - 1][kind]
        wave = wave + self.rng.normal(0, 0.2, 64)
        return torch.tensor(wave, dtype=torch.float32).unsqueeze(0), kind


net = nn.Sequential(
    nn.Conv1d(1, 8, 7),
    nn.ReLU(),
    nn.MaxPool1d(2),
    nn.Conv1d(8, 16, 5),
    nn.ReLU(),
    nn.AdaptiveAvgPool1d(4),
    nn.Flatten(),
    nn.Linear(64, 3),
)


def main():
    loader = DataLoader(Waves(600), batch_size=30, shuffle=True, num_workers=2)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(4):
        right = 0
        for waves, kinds in loader:
            optimizer.zero_grad()
            out = net(waves)
            loss = criterion(out, kinds)
            loss.backward()
            optimizer.step()
            right += (out.argmax(1) == kinds).sum().item()
        print(f"epoch {epoch}: loss {loss.item():.3f} accuracy {right / 600:.3f}")


if __name__ == "__main__":
    main()
