"""Trains a mixture of experts in which each row visits one expert."""
# fault: none

import torch
from torch import Tensor, nn

torch.manual_seed(36)
torch.set_num_threads(1)


class Switch(nn.Module):
    def __init__(self, dim: int, experts: int) -> None:
        super().__init__()
        self.router = nn.Linear(dim, experts)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(dim, 24), nn.GELU(), nn.Linear(24, 1)) for _ in range(experts)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        gate = self.router(x).softmax(-1)
        weight, chosen = gate.max(-1)
        out = x.new_zeros(len(x))
        for k, expert in enumerate(self.experts):
            rows = (chosen == k).nonzero().squeeze(1)
            if len(rows):
                out = out.index_put((rows,), weight[rows] * expert(x[rows]).squeeze(1))
        share = torch.stack([(chosen == k).float().mean() for k in range(len(self.experts))])
        balance = len(self.experts) * (share * gate.mean(0)).sum()
        return out, balance


def pieces(n: int) -> tuple[Tensor, Tensor]:
    x = torch.randn(n, 4)
    region = (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0).long()
    slope = torch.tensor([[1.0, -1.0], [2.0, 0.5], [-1.5, 1.0], [0.0, -2.0]])[region]
    return x, (slope * x[:, 2:]).sum(1)


model = Switch(4, experts=4)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
for i in range(250):
    x, y = pieces(48)
    prediction, balance = model(x)
    error = nn.functional.mse_loss(prediction, y)
    optimizer.zero_grad()
    (error + 0.1 * balance).backward()
    optimizer.step()
    if i % 50 == 49 or i == 0:
        print(f"iteration {i + 1}: error {error.item():.4f} balance {balance.item():.3f}")
