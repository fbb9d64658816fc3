"""Trains a digit network with optional mixed precision."""
# fault: missing-backward

from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Options:
    mixed: bool = torch.cuda.is_available()
    lr: float = 2e-3
    epochs: int = 3
    max_norm: float = 1.0


class Engine:
    def __init__(self, model: nn.Module, options: Options) -> None:
        self.model, self.options = model, options
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=options.lr)
        self.scaler = torch.amp.GradScaler("cuda") if options.mixed else None

    def compute_loss(self, x: Tensor, y: Tensor) -> Tensor:
        device = "cuda" if self.options.mixed else "cpu"
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self.options.mixed):
            return nn.functional.cross_entropy(self.model(x), y)

    def update(self, loss: Tensor) -> None:
        if self.scaler is not None:
            self.scaler.scale(loss).backward()
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.options.max_norm)
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            self.optimizer.step()
        self.optimizer.zero_grad()

    def run_epoch(self, loader: DataLoader) -> float:
        total = 0.0
        for x, y in loader:
            loss = self.compute_loss(x, y)
            self.update(loss)
            total += loss.item()
        return total / len(loader)


torch.manual_seed(27)
torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 16, dtype=torch.float32)
loader = DataLoader(TensorDataset(X, torch.tensor(y)), batch_size=64, shuffle=True)
options = Options()
engine = Engine(nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)), options)
for epoch in range(options.epochs):
    print(f"epoch {epoch}: loss {engine.run_epoch(loader):.4f}")
