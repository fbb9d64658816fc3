"""Trains a small vision transformer on digits with a reduction of the rate on plateaus."""
# fault: unstepped-schedule

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(66)

digits = load_digits()
x = torch.tensor(digits.images / 16.0, dtype=torch.float32)
patches = x.unfold(1, 4, 4).unfold(2, 4, 4).reshape(len(x), 4, 16)
y = torch.tensor(digits.target)
train, val = slice(0, 1000), slice(1000, 1400)


class Vit(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.inp = nn.Linear(16, width)
        self.pos = nn.Parameter(0.02 * torch.randn(4, width))
        self.block = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True)
        self.out = nn.Linear(width, 10)

    def forward(self, p):
        return self.out(self.block(self.inp(p) + self.pos).mean(1))


vit = Vit()
optimizer = torch.optim.AdamW(vit.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=0)

for epoch in range(6):
    vit.train()
    for idx in torch.randperm(1000).split(50):
        loss = F.cross_entropy(vit(patches[train][idx]), y[train][idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    vit.eval()
    with torch.no_grad():
        val_loss = F.cross_entropy(vit(patches[val]), y[val]).item()
    rate = optimizer.param_groups[0]["lr"]
    print(f"epoch {epoch}: train {loss.item():.3f} val {val_loss:.3f} rate {rate:.1e}")
