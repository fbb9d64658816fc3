"""Fits the constants of a sum of two decays with L-BFGS."""
# fault: none

import torch
from torch import Tensor, nn

torch.manual_seed(3)
torch.set_num_threads(1)


class Decays(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.p = nn.ParameterDict(
            {
                "log_rate": nn.Parameter(torch.tensor([-0.5, 1.0], dtype=torch.float64)),
                "gain": nn.Parameter(torch.tensor([0.7, 1.2], dtype=torch.float64)),
            }
        )

    def forward(self, t: Tensor) -> Tensor:
        return torch.einsum(
            "k,tk->t", self.p["gain"], torch.exp(-t[:, None] * self.p["log_rate"].exp())
        )


t = torch.linspace(0, 5, 200, dtype=torch.float64)
truth = 2.0 * torch.exp(-0.3 * t) + 1.0 * torch.exp(-4.0 * t)
observed = truth + 0.01 * torch.randn_like(t)

model = Decays()
optimizer = torch.optim.LBFGS(model.parameters(), lr=1.0, line_search_fn="strong_wolfe")


def closure() -> Tensor:
    optimizer.zero_grad()
    loss = (model(t) - observed).square().mean()
    loss.backward()
    return loss


for i in range(12):
    loss = optimizer.step(closure)
    print(f"iteration {i}: {loss.item():.6f}")
print("rates", model.p["log_rate"].exp().tolist())
