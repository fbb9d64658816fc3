"""A regression with factorised (low-rank) layers, run through torch.compile's eager backend."""

# fault: none
import torch
from torch import Tensor, nn

torch.set_num_threads(1)


class LowRank(nn.Module):
    """Two thin maps in place of one square one, as in adapters."""

    def __init__(self, n_in: int, n_out: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Linear(n_in, rank, bias=False)
        self.up = nn.Linear(rank, n_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(self.down(x))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = LowRank(16, 64, rank=6)
        self.second = LowRank(64, 64, rank=6)
        self.out = nn.Linear(64, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.nn.functional.gelu(self.first(x))
        h = h + torch.nn.functional.gelu(self.second(h))
        return self.out(h).squeeze(-1)


def data(n: int) -> tuple[Tensor, Tensor]:
    x = torch.randn(n, 16)
    y = torch.sin(x[:, 0]) + x[:, 1] * x[:, 2] - 0.5 * x[:, 3]
    return x, y / 1.3


torch.manual_seed(0)
x, y = data(1200)
model = torch.compile(Net(), backend="eager")
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for step in range(150):
    idx = torch.randint(0, 1000, (100,))
    loss = torch.nn.functional.mse_loss(model(x[idx]), y[idx])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 29:
        print(f"step {step} loss {loss.item():.4f}")
