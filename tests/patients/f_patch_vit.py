"""A very small vision transformer on the scikit-learn digits, own trainer with callbacks."""

# fault: missing-update
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


@dataclass
class FitConfig:
    accumulate: int = 2
    epochs: int = 3
    lr: float = 3e-3


class TinyViT(nn.Module):
    def __init__(self, dim: int = 32) -> None:
        super().__init__()
        self.patch = nn.Conv2d(1, dim, kernel_size=2, stride=2)
        self.place = nn.Parameter(torch.zeros(1, 16, dim))
        layer = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)
        self.head = nn.Linear(dim, 10)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch(x).flatten(2).transpose(1, 2) + self.place
        return self.head(self.encoder(tokens).mean(1))


class Loop:
    def __init__(self, cfg: FitConfig, model: nn.Module) -> None:
        self.cfg, self.model = cfg, model
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr)
        self.batches_seen = 0

    def on_batch_end(self, loss: Tensor) -> None:
        if (self.batches_seen + 1) % self.cfg.accumulate == 0:
            self.optimizer.step()
            self.optimizer.zero_grad()

    def run_epoch(self, loader: DataLoader) -> float:
        total = 0.0
        for x, y in loader:
            loss = nn.functional.cross_entropy(self.model(x), y)
            (loss / self.cfg.accumulate).backward()
            self.on_batch_end(loss)
            total += loss.item()
        return total / len(loader)


class VerboseLoop(Loop):
    """Counts batches for the progress line."""

    def run_epoch(self, loader: DataLoader) -> float:
        mean = super().run_epoch(loader)
        self.batches_seen += len(loader)
        return mean


torch.manual_seed(0)
cfg = FitConfig()
raw = load_digits()
images = torch.tensor(raw.images, dtype=torch.float32).unsqueeze(1) / 16
loader = DataLoader(
    TensorDataset(images[:1280], torch.tensor(raw.target[:1280])), batch_size=64, shuffle=True
)
loop = VerboseLoop(cfg, TinyViT())
for epoch in range(cfg.epochs):
    print(f"epoch {epoch} loss {loop.run_epoch(loader):.4f}")
