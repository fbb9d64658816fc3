"""Trains a generator and a discriminator on a line of points, the two steps sharing one sampler."""

# fault: gradientless-parameter | detached-loss
import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(13)


class Pair:
    def __init__(self) -> None:
        self.generator = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 2))
        self.discriminator = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
        self.g_opt = torch.optim.Adam(self.generator.parameters(), lr=2e-3)
        self.d_opt = torch.optim.Adam(self.discriminator.parameters(), lr=2e-3)

    def sample(self, size: int) -> Tensor:
        return self.generator(torch.randn(size, 3)).detach()

    def judge(self, points: Tensor, label: float) -> Tensor:
        scores = self.discriminator(points)
        return nn.functional.binary_cross_entropy_with_logits(
            scores, torch.full_like(scores, label)
        )

    def step(self, real: Tensor) -> tuple[float, float]:
        d_loss = self.judge(real, 1.0) + self.judge(self.sample(len(real)), 0.0)
        self.d_opt.zero_grad()
        d_loss.backward()
        self.d_opt.step()
        g_loss = self.judge(self.sample(len(real)), 1.0)
        self.g_opt.zero_grad()
        g_loss.backward()
        self.g_opt.step()
        return d_loss.item(), g_loss.item()


pair = Pair()
for step in range(150):
    t = torch.rand(64, 1)
    losses = pair.step(torch.cat([2 + t, 1 - t], dim=1))
    if step % 30 == 0 or step == 149:
        print(step, losses, pair.sample(256).mean(0).tolist())
