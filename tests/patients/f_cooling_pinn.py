"""Physics-informed network for the cooling of a body: T' = -k (T - 1), k known to 10 %."""

# fault: none
import torch
from torch import Tensor, nn

torch.set_num_threads(1)


class Field(nn.Module):
    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1)
        )

    def forward(self, t: Tensor) -> Tensor:
        return self.net(t)


def residual(model: nn.Module, t: Tensor, rates: Tensor) -> Tensor:
    """The equation's error for each collocation point (rows) and coefficient (columns)."""
    t = t.requires_grad_(True)
    temperature = model(t)
    slope = torch.autograd.grad(temperature.sum(), t, create_graph=True)[0]
    return slope + rates * (temperature - 1.0)


def objective(model: nn.Module, n: int) -> Tensor:
    rates = torch.tensor([[0.9, 1.0, 1.1]])
    physics = residual(model, 3 * torch.rand(n, 1), rates).square().mean()
    start = (model(torch.zeros(1, 1)) - 3.0).square().mean()
    return physics + 5 * start


torch.manual_seed(0)
model = Field()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(250):
    loss = objective(model, 64)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 49:
        print(f"step {step} loss {loss.item():.5f}")
t = torch.linspace(0, 3, 7).unsqueeze(1)
with torch.no_grad():
    print("error", (model(t) - (1 + 2 * torch.exp(-t))).abs().max().item())
