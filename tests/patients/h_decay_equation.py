"""Trains a network to solve u' = -2u, u(0) = 1 from the residual alone."""

# fault: none
import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(20)
torch.set_default_dtype(torch.float64)


class Solution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(1, 20), nn.Tanh(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 1)
        )

    def forward(self, t: Tensor) -> Tensor:
        return self.net(t)


def residual(model: nn.Module, t: Tensor) -> Tensor:
    t = t.clone().requires_grad_(True)
    u = model(t)
    (slope,) = torch.autograd.grad(u.sum(), t, create_graph=True)
    return (slope + 2 * u).square().mean()


def boundary(model: nn.Module) -> Tensor:
    return (model(torch.zeros(1, 1)) - 1).square().mean()


model = Solution()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
history = []
for step in range(250):
    points = torch.rand(64, 1)
    loss = residual(model, points) + 5 * boundary(model)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    history.append(loss.item())
grid = torch.linspace(0, 1, 11)[:, None]
with torch.no_grad():
    error = (model(grid) - (-2 * grid).exp()).abs().max().item()
print(f"{history[0]:.4f} -> {history[-1]:.5f}, worst error {error:.4f}")
assert error < 0.1
