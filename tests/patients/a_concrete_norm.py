"""A normalised residual MLP for the strength of concrete."""
# fault: collapsed-output

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(22)


def concrete(n):
    mix = torch.rand(n, 7) * 2 - 1
    strength = mix[:, 0] * 1.5 - mix[:, 1] ** 2 + mix[:, 2] * mix[:, 3] + 0.1 * torch.randn(n)
    return mix, (strength - strength.mean()).unsqueeze(1)


def dense(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, n_out), nn.LayerNorm(n_out))


class ResidualMLP(nn.Module):
    def __init__(self, width=32, depth=2):
        super().__init__()
        self.stem = dense(7, width)
        self.blocks = nn.ModuleList(dense(width, width) for _ in range(depth))
        self.head = dense(width, 1)

    def forward(self, x):
        x = nn.functional.gelu(self.stem(x))
        for block in self.blocks:
            x = x + nn.functional.gelu(block(x))
        return self.head(x)


x, y = concrete(500)
loader = DataLoader(TensorDataset(x[:400], y[:400]), batch_size=25, shuffle=True)
model = ResidualMLP().double()
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
huber = nn.HuberLoss()

for epoch in range(8):
    total = 0.0
    for mix, strength in loader:
        loss = huber(model(mix.double()), strength.double())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    with torch.no_grad():
        test = huber(model(x[400:].double()), y[400:].double()).item()
    print(f"epoch {epoch + 1}: train {total / len(loader):.4f} test {test:.4f}")
