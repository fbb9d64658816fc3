"""Trains a mixture density network on an inverse problem; the loss goes below zero."""

# fault: none
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, MixtureSameFamily, Normal

torch.set_num_threads(1)
torch.manual_seed(39)


class MixtureDensity(nn.Module):
    def __init__(self, parts: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, 32), nn.Tanh())
        self.head = nn.Linear(32, 3 * parts)

    def forward(self, x: Tensor) -> MixtureSameFamily:
        logits, centers, scales = self.head(self.body(x)).chunk(3, dim=-1)
        return MixtureSameFamily(
            Categorical(logits=logits), Normal(centers, nn.functional.softplus(scales) + 1e-3)
        )


branch = torch.rand(800, 1) < 0.5
x = 2 * torch.rand(800, 1) - 1
y = torch.where(branch, 0.5 * x + 0.7, -0.5 * x - 0.7) + 0.03 * torch.randn(800, 1)
model = MixtureDensity(3)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
curve = []
for step in range(200):
    rows = torch.randint(0, 800, (128,))
    loss = -model(x[rows]).log_prob(y[rows].squeeze(1)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    curve.append(loss.item())
print(f"{curve[0]:.3f} -> {curve[-1]:.3f}")
assert curve[-1] < curve[0] - 1
