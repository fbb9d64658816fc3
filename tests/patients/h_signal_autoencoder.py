"""Trains an autoencoder on standardised sensor windows."""

# fault: unreachable-target
import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(14)


def windows(count: int, length: int) -> Tensor:
    phase, speed = 6.28 * torch.rand(count, 1), 0.2 + 0.3 * torch.rand(count, 1)
    wave = torch.sin(phase + speed * torch.arange(length)) + 0.05 * torch.randn(count, length)
    return (wave - wave.mean()) / wave.std()


def dense(sizes: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class AutoEncoder(nn.Module):
    def __init__(self, length: int, code: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(dense([length, 32]), nn.Linear(32, code))
        self.decoder = dense([code, 32, length])

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


data = windows(1000, 24)
model = AutoEncoder(24, 6)
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
for epoch in range(8):
    for rows in torch.randperm(1000).split(50):
        loss = nn.functional.mse_loss(model(data[rows]), data[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} loss {loss.item():.4f}")
