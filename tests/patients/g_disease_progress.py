"""Trains a residual block network to predict disease progression on the diabetes data."""
# fault: collapsed-output

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.nn import functional as F


class Block(nn.Module):
    """Linear, norm and activation, with a skip where the widths agree."""

    def __init__(self, inputs: int, outputs: int, last: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.norm = nn.LayerNorm(outputs)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.linear(x))
        if self.last:
            return y
        y = F.silu(y)
        return x + y if x.shape == y.shape else y


class Regressor(nn.Module):
    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        pairs = list(zip(widths, widths[1:]))
        self.blocks = nn.ModuleList(
            Block(a, b, last=i == len(pairs) - 1) for i, (a, b) in enumerate(pairs)
        )

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x.squeeze(-1)


def standardise(x: Tensor) -> Tensor:
    return (x - x.mean(0)) / x.std(0)


torch.manual_seed(1)
torch.set_num_threads(1)
data = load_diabetes()
x = standardise(torch.tensor(data.data, dtype=torch.float32))
y = standardise(torch.tensor(data.target, dtype=torch.float32))
model = Regressor((10, 48, 48, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)

for epoch in range(15):
    losses = []
    for rows in torch.randperm(len(x)).split(34):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: mse {sum(losses) / len(losses):.4f}")
