"""Trains the factors of a three-way table with einsum alone, in float64."""
# fault: none

import torch
from torch import Tensor, nn

torch.manual_seed(31)
torch.set_num_threads(1)


class CP(nn.Module):
    """A sum of rank-one terms."""

    def __init__(self, shape: tuple[int, int, int], rank: int) -> None:
        super().__init__()
        self.factors = nn.ParameterList(
            [nn.Parameter(0.5 * torch.randn(n, rank, dtype=torch.float64)) for n in shape]
        )

    def forward(self, index: Tensor) -> Tensor:
        a, b, c = (f[index[:, k]] for k, f in enumerate(self.factors))
        return torch.einsum("nr,nr,nr->n", a, b, c)

    def penalty(self) -> Tensor:
        return sum((torch.einsum("ir,ir->", f, f) for f in self.factors), torch.zeros(()))


shape = (20, 18, 15)
parts = [torch.randn(n, 3, dtype=torch.float64) for n in shape]
table = torch.einsum("ir,jr,kr->ijk", *parts) / 3**0.5
where = torch.stack([torch.randint(0, n, (4000,)) for n in shape], 1)
values = table[where[:, 0], where[:, 1], where[:, 2]] + 0.05 * torch.randn(4000).double()

model = CP(shape, rank=4)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
for i in range(300):
    rows = torch.randint(0, len(where), (256,))
    error = (model(where[rows]) - values[rows]).square().mean()
    loss = error + 1e-5 * model.penalty()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if i % 60 == 59:
        print(f"iteration {i + 1}: squared error {error.item():.4f}")
