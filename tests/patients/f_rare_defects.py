"""Find rare defects on a simulated production line, with a prior-aware initialisation."""

# fault: dead-units
import math

import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(21)


def prior_bias(prior: float) -> float:
    return -math.log((1 - prior) / prior)


def init_weights(module: nn.Module, prior: float = 0.01) -> None:
    """He weights, and the bias that makes the network start from the base rate."""
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.constant_(module.bias, prior_bias(prior))


class DefectNet(nn.Module):
    def __init__(self, dim: int = 10, width: int = 48) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(dim, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.head = nn.Linear(width, 1)
        self.apply(init_weights)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x)).squeeze(-1)


def focal(logits: Tensor, y: Tensor, gamma: float = 1.0) -> Tensor:
    ce = nn.functional.binary_cross_entropy_with_logits(logits, y, reduction="none")
    return (ce * (1 - torch.exp(-ce)) ** gamma).mean()


x = torch.randn(2000, 10)
y = ((x[:, 0] * x[:, 1] + x[:, 2]) > 1.6).float()
print(f"base rate {y.mean():.3f}")
model = DefectNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

for step in range(200):
    idx = torch.randint(0, len(x), (128,))
    loss = focal(model(x[idx]), y[idx])
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if step % 40 == 39:
        with torch.no_grad():
            scores = model(x)
        gap = scores[y == 1].mean() - scores[y == 0].mean()
        print(f"step {step} loss {loss.item():.4f} gap {gap.item():.4f}")
