"""A deeper residual classifier that recomputes its blocks in the backward pass."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
torch.manual_seed(99)


class Residual(nn.Module):
    def __init__(self, width, drop):
        super().__init__()
        self.body = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Dropout(drop)
        )
        self.out = nn.Linear(width, width)

    def forward(self, h):
        return h + self.out(self.body(h))


class Deep(nn.Module):
    def __init__(self, width=48, depth=4):
        super().__init__()
        self.lift = nn.Linear(64, width)
        self.blocks = nn.ModuleList(Residual(width, 0.1) for _ in range(depth))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 10))

    def forward(self, x):
        h = self.lift(x)
        for block in self.blocks:
            h = checkpoint(block, h, use_reentrant=False) if self.training else block(h)
        return self.head(h)


x, y = load_digits(return_X_y=True)
data = TensorDataset(torch.tensor(x / 8 - 1, dtype=torch.float32), torch.tensor(y))
train, test = random_split(data, [1400, 397])
loader = DataLoader(train, batch_size=70, shuffle=True)
model = Deep()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)

for epoch in range(4):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    hits = 0
    with torch.no_grad():
        for xb, yb in DataLoader(test, batch_size=100):
            hits += (model(xb).argmax(1) == yb).sum().item()
    print(f"epoch {epoch}: loss {loss.item():.4f} accuracy {hits / len(test):.3f}")
