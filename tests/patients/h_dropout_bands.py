"""Trains a regression with dropout and draws uncertainty bands by sampling the dropout."""

# fault: none
import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(24)

x = torch.linspace(-2, 2, 256)[:, None]
y = torch.sin(2 * x) + 0.05 * torch.randn_like(x)
model = nn.Sequential(
    nn.Linear(1, 64),
    nn.ReLU(),
    nn.Dropout(0.05),
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Dropout(0.05),
    nn.Linear(64, 1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)


def monte_carlo(inputs: Tensor, draws: int = 30) -> tuple[Tensor, Tensor]:
    """Mean and spread over dropout masks; the dropout layers are left on for it."""
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.train()
    with torch.no_grad():
        samples = torch.stack([model(inputs) for _ in range(draws)])
    return samples.mean(0), samples.std(0)


history = []
for step in range(250):
    model.train()
    rows = torch.randint(0, len(x), (64,))
    loss = (model(x[rows]) - y[rows]).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    history.append(loss.item())
center, width = monte_carlo(x)
error = (center - y).square().mean().item()
print(f"{history[0]:.3f} -> {history[-1]:.3f}; error {error:.4f}, mean band {width.mean():.4f}")
assert error < 0.15 and width.mean() > 0
