"""Classifies synthetic sounds by a spectrogram computed for each sample in the data set."""
# fault: starved-loop

import cmath
import math
import random

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(80)
random.seed(80)

SAMPLES, BANDS = 96, 12


def spectrum(sound):
    """Magnitudes of the lowest bands of a discrete Fourier transform."""
    bands = []
    for k in range(BANDS):
        turn = -2j * math.pi * k / len(sound)
        bands.append(abs(sum(v * cmath.exp(turn * i) for i, v in enumerate(sound))))
    return [b / len(sound) for b in bands]


class Sounds(Dataset):
    def __init__(self, n):
        self.sounds = []
        for _ in range(n):
            kind = random.randrange(3)
            f = (2, 4, 7)[kind] + random.uniform(-0.6, 0.6)
            wave = [
                math.sin(2 * math.pi * f * i / SAMPLES) + random.gauss(0, 0.7)
                for i in range(SAMPLES)
            ]
            self.sounds.append((wave, kind))

    def __len__(self):
        return len(self.sounds)

    def __getitem__(self, i):
        wave, kind = self.sounds[i]
        return 4 * torch.tensor(spectrum(wave)), kind


loader = DataLoader(Sounds(480), batch_size=24, shuffle=True)
net = nn.Sequential(nn.Linear(BANDS, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(4):
    for bands, kind in loader:
        loss = nn.functional.cross_entropy(net(bands), kind)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: {loss.item():.4f}")
