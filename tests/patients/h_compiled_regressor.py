"""Trains a compiled residual network on a synthetic surface, with warm restarts of the rate."""

# fault: none
import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(33)


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.up, self.down = (
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.Linear(2 * width, width),
        )
        nn.init.zeros_(self.down.weight)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.down(nn.functional.gelu(self.up(self.norm(h))))


points = 2 * torch.rand(1024, 2) - 1
height = torch.sin(3 * points[:, 0]) * torch.cos(2 * points[:, 1])
model = nn.Sequential(nn.Linear(2, 24), Residual(24), Residual(24), nn.Linear(24, 1), nn.Flatten(0))
fast = torch.compile(model, backend="eager")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=30, T_mult=2)
curve = []
for step in range(90):
    rows = torch.randint(0, 1024, (128,))
    loss = (fast(points[rows]) - height[rows]).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    curve.append(loss.item())
print(f"{curve[0]:.4f} -> {curve[-1]:.4f}")
assert curve[-1] < 0.2 * curve[0]
