"""Fine-tunes low-rank adapters beside the fixed layers of a digit network."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


class Adapted(nn.Module):
    """A fixed linear layer plus the product of two thin ones, which starts at zero."""

    def __init__(self, base: nn.Linear, rank: int = 4, alpha: float = 8.0) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Linear(base.in_features, rank, bias=False)
        self.up = nn.Linear(rank, base.out_features, bias=False)
        nn.init.zeros_(self.up.weight)
        self.scale = alpha / rank

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + self.scale * self.up(self.down(x))


def adapt(model: nn.Sequential) -> nn.Sequential:
    return nn.Sequential(*(Adapted(m) if isinstance(m, nn.Linear) else m for m in model))


def train(model: nn.Module, loader: DataLoader, epochs: int, lr: float) -> None:
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=lr)
    for epoch in range(epochs):
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"  epoch {epoch}: loss {total / len(loader):.4f}")


torch.manual_seed(35)
torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
x, y = torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y)
upright = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
mirrored = x.view(-1, 8, 8).flip(2).flatten(1)
flipped = DataLoader(TensorDataset(mirrored, y), batch_size=64, shuffle=True)
base = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
print("upright digits")
train(base, upright, epochs=3, lr=3e-3)
model = adapt(base)
print("mirrored digits")
train(model, flipped, epochs=4, lr=3e-3)
