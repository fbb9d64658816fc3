"""Low-rank adapters (A random, B zero) on a frozen network for a shifted task."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(21)


class LoRA(nn.Module):
    def __init__(self, base, rank=4, alpha=8):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Linear(base.in_features, rank, bias=False)
        self.up = nn.Linear(rank, base.out_features, bias=False)
        nn.init.zeros_(self.up.weight)
        self.scale = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scale * self.up(self.down(x))


def fit(model, x, y, steps, lr):
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=lr)
    for step in range(steps):
        rows = torch.randint(0, len(x), (64,))
        loss = nn.functional.mse_loss(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


x = torch.randn(800, 10)
turn = torch.linalg.qr(torch.randn(10, 10))[0]
y = torch.tanh(x @ torch.randn(10, 3) / 3)
model = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 3))
print(f"base: {fit(model, x, y, 200, 1e-2):.4f}")
model[0], model[2] = LoRA(model[0]), LoRA(model[2])
with torch.no_grad():
    print(f"shifted task before: {nn.functional.mse_loss(model(x @ turn), y).item():.4f}")
print(f"shifted task after: {fit(model, x @ turn, y, 250, 1e-2):.4f}")
