"""Regress a wavy function with a deep tanh network."""
# fault: vanishing-gradient
import torch
from torch import nn
from torch.nn import init

torch.set_num_threads(1)
torch.manual_seed(57)


class DeepRegressor(nn.Module):
    def __init__(self, depth=10, width=32):
        super().__init__()
        self.inp = nn.Linear(2, width)
        self.hidden = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.out = nn.Linear(width, 1)
        self.apply(self._init)

    @staticmethod
    def _init(module):
        if isinstance(module, nn.Linear):
            init.normal_(module.weight, mean=0.0, std=0.05)
            init.zeros_(module.bias)

    def forward(self, x):
        h = torch.tanh(self.inp(x))
        for layer in self.hidden:
            h = torch.tanh(layer(h))
        return self.out(h)


x = torch.rand(800, 2) * 4 - 2
y = torch.sin(2 * x[:, :1]) * torch.cos(x[:, 1:])
net = DeepRegressor()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(6):
    for rows in torch.randperm(800).split(40):
        loss = torch.nn.functional.mse_loss(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        mse = torch.nn.functional.mse_loss(net(x), y).item()
    print(f"epoch {epoch}: mse {mse:.4f} (variance of the target {y.var().item():.4f})")
