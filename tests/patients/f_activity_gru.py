"""Recognise the activity in short accelerometer windows with a GRU."""

# fault: mixed-samples
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


@dataclass
class HarConfig:
    steps: int = 20
    channels: int = 3
    classes: int = 4
    hidden: int = 24
    lr: float = 5e-3
    epochs: int = 5


def synth(cfg: HarConfig, n: int, seed: int) -> TensorDataset:
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(0, cfg.classes, (n,), generator=g)
    t = torch.arange(cfg.steps).float()
    phase = 6.28 * torch.rand(n, 1, cfg.channels, generator=g)
    speed = (0.25 + 0.3 * y.float()).view(n, 1, 1)
    x = torch.sin(speed * t.view(1, -1, 1) + phase)
    return TensorDataset(x + 0.1 * torch.randn(x.shape, generator=g), y)


def time_major(x: Tensor) -> Tensor:
    """(batch, time, channel) -> (time, batch, channel), the layout that nn.GRU expects."""
    batch, steps, channels = x.shape
    return x.contiguous().view(steps, batch, channels)


class Recogniser(nn.Module):
    def __init__(self, cfg: HarConfig) -> None:
        super().__init__()
        self.gru = nn.GRU(cfg.channels, cfg.hidden)
        self.classify = nn.Linear(cfg.hidden, cfg.classes)

    def forward(self, x: Tensor) -> Tensor:
        _, last = self.gru(time_major(x))
        return self.classify(last[0])


cfg = HarConfig()
torch.manual_seed(11)
loader = DataLoader(synth(cfg, 1200, 0), batch_size=48, shuffle=True)
val_x, val_y = synth(cfg, 240, 1).tensors
model = Recogniser(cfg)
optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)

for epoch in range(cfg.epochs):
    for x, y in loader:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    with torch.no_grad():
        acc = (model(val_x).argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} val acc {acc:.3f}")
