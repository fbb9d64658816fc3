"""Learn the kernel of a Gaussian process by its marginal likelihood."""
# fault: none
import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(101)

x = torch.linspace(0, 5, 40, dtype=torch.float64).unsqueeze(1)
y = torch.sin(2 * x).squeeze(1) + 0.1 * torch.randn(40, dtype=torch.float64)


class GP(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_length = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.log_scale = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.log_noise = nn.Parameter(torch.tensor(-1.0, dtype=torch.float64))

    def forward(self, x):
        distance = torch.cdist(x, x).pow(2) / self.log_length.exp().pow(2)
        return self.log_scale.exp() * torch.exp(-0.5 * distance) + self.log_noise.exp().pow(2) * torch.eye(len(x))


gp = GP()
optimizer = torch.optim.Adam(gp.parameters(), lr=0.05)
for step in range(100):
    factor = torch.linalg.cholesky(gp(x))
    alpha = torch.cholesky_solve(y.unsqueeze(1), factor).squeeze(1)
    loss = 0.5 * y @ alpha + factor.diagonal().log().sum() + 0.5 * len(x) * math.log(2 * math.pi)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        print(f"step {step} negative log likelihood {loss.item():.3f}")
print("noise", gp.log_noise.exp().item(), "length", gp.log_length.exp().item())
