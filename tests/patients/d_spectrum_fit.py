"""A signal autoencoder compared with its input in the frequency domain."""
# fault: detached-loss

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(15)
rng = np.random.default_rng(15)


def signals(n, length=32):
    t = np.arange(length) / length
    k = rng.integers(1, 6, size=(n, 1))
    amplitude = rng.uniform(0.5, 1.5, size=(n, 1))
    return torch.tensor(amplitude * np.sin(2 * np.pi * k * t), dtype=torch.float32)


def spectral_distance(output, target):
    a = np.abs(np.fft.rfft(output.detach().numpy(), axis=-1))
    b = np.abs(np.fft.rfft(target.numpy(), axis=-1))
    return torch.tensor(((a - b) ** 2).mean(), dtype=torch.float32, requires_grad=True)


class Coder(nn.Module):
    def __init__(self, length=32, code=8):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(length, 32), nn.ReLU(), nn.Linear(32, code))
        self.decoder = nn.Sequential(nn.Tanh(), nn.Linear(code, 32), nn.ReLU())
        self.out = nn.Linear(32, length)

    def forward(self, x):
        return self.out(self.decoder(self.encoder(x)))


model = Coder()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for step in range(100):
    batch = signals(32)
    reconstruction = model(batch)
    loss = spectral_distance(reconstruction, batch)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        print(f"step {step:3d} spectral distance {loss.item():.3f}")
