"""Trains two encoders so that the halves of a digit find each other in a batch."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader


class TwoTower(nn.Module):
    def __init__(self, dim: int = 24) -> None:
        super().__init__()
        self.top = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, dim))
        self.bottom = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, dim))
        self.log_scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        a = F.normalize(self.top(x[:, :32]), dim=1)
        b = F.normalize(self.bottom(x[:, 32:]), dim=1)
        return self.log_scale.exp() * a @ b.T


def clip_loss(similarity: Tensor) -> Tensor:
    own = torch.arange(len(similarity))
    return (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own)) / 2


torch.manual_seed(33)
torch.set_num_threads(1)
x = torch.tensor(load_digits().data / 16, dtype=torch.float32)
loader = DataLoader(x, batch_size=64, shuffle=True, drop_last=True)
model = TwoTower()
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
for epoch in range(8):
    total = 0.0
    for batch in loader:
        loss = clip_loss(model(batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            model.log_scale.clamp_(0, 4)
        total += loss.item()
    print(f"epoch {epoch}: loss {total / len(loader):.4f}")
