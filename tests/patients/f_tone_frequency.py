"""Regress the frequency of a noisy tone from 64 samples with a 1-d convnet."""

# fault: repeated-batch
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(3)


@dataclass
class RunConfig:
    n_train: int = 320
    batch_size: int = 8
    epochs: int = 8
    lr: float = 3e-3


def make_tones(n: int, seed: int) -> TensorDataset:
    g = torch.Generator().manual_seed(seed)
    t = torch.linspace(0, 1, 64)
    freq = 1 + 9 * torch.rand(n, 1, generator=g)
    phase = 6.28 * torch.rand(n, 1, generator=g)
    wave = torch.sin(6.2832 * freq * t + phase) + 0.4 * torch.randn(n, 64, generator=g)
    return TensorDataset(wave[:, None], (freq - 5.5) / 2.6)


class ToneNet(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(channels, 16, 9, stride=2), nn.ReLU(), nn.Conv1d(16, 16, 5), nn.ReLU()
        )
        self.out = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.conv(x).mean(-1))


def train_step(model: nn.Module, opt: torch.optim.Optimizer, wave: Tensor, freq: Tensor) -> float:
    opt.zero_grad(set_to_none=True)
    loss = nn.functional.mse_loss(model(wave), freq)
    loss.backward()
    opt.step()
    return loss.item()


cfg = RunConfig()
loader = DataLoader(make_tones(cfg.n_train, 0), batch_size=cfg.batch_size, shuffle=True)
wave, freq = next(iter(loader))
model = ToneNet(channels=wave.shape[1])
opt = torch.optim.AdamW(model.parameters(), lr=cfg.lr)

for epoch in range(cfg.epochs):
    losses = []
    for batch in loader:
        losses.append(train_step(model, opt, wave, freq))
    print(f"epoch {epoch} loss {sum(losses) / len(losses):.4f}")

val = make_tones(400, 99)
with torch.no_grad():
    print("val", nn.functional.mse_loss(model(val.tensors[0]), val.tensors[1]).item())
