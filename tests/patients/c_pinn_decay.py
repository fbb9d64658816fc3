"""A physics-informed network for u' = -2u, u(0) = 1, in double precision."""

# fault: retained-graph
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(4)
torch.set_default_dtype(torch.float64)


class Solution(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(1, 24), nn.Linear(24, 24), nn.Linear(24, 1)])

    def forward(self, t):
        for layer in self.layers[:-1]:
            t = torch.tanh(layer(t))
        return self.layers[-1](t)


def residual(model, t):
    t = t.clone().requires_grad_(True)
    u = model(t)
    (du,) = torch.autograd.grad(u.sum(), t, create_graph=True)
    return du + 2 * u


def train(model, steps=300):
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    start = torch.zeros(1, 1)
    for i in range(steps):
        t = torch.rand(64, 1) * 2
        loss = residual(model, t).pow(2).mean() + (model(start) - 1).pow(2).mean()
        optimizer.zero_grad()
        loss.backward(retain_graph=True)
        optimizer.step()
        if i % 50 == 0:
            print(f"{i:4d} {loss.item():.6f}")


model = Solution()
train(model)
with torch.no_grad():
    t = torch.linspace(0, 2, 50).unsqueeze(1)
    print("largest error", (model(t) - torch.exp(-2 * t)).abs().max().item())
