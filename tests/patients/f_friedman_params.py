"""The Friedman function fitted by a network kept in an nn.ParameterDict."""

# fault: symmetric-weights
from collections.abc import Callable

import torch
from sklearn.datasets import make_friedman1
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(6)

Forward = Callable[[nn.ParameterDict, Tensor], Tensor]


def layer(n_in: int, n_out: int) -> dict[str, nn.Parameter]:
    scale = n_in**-0.5
    return {
        "w": nn.Parameter(scale * torch.ones(n_in, n_out)),
        "b": nn.Parameter(torch.zeros(n_out)),
    }


def init(sizes: list[int]) -> nn.ParameterDict:
    params = nn.ParameterDict()
    for i, (n_in, n_out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        for key, value in layer(n_in, n_out).items():
            params[f"{key}{i}"] = value
    return params


def mlp(params: nn.ParameterDict, x: Tensor) -> Tensor:
    depth = len(params) // 2
    for i in range(depth):
        x = torch.einsum("bi,io->bo", x, params[f"w{i}"]) + params[f"b{i}"]
        if i < depth - 1:
            x = torch.tanh(x)
    return x[:, 0]


def fit(forward: Forward, params: nn.ParameterDict, x: Tensor, y: Tensor, steps: int) -> None:
    opt = torch.optim.Adam(params.values(), lr=1e-2)
    for step in range(steps):
        idx = torch.randint(0, len(x), (64,))
        opt.zero_grad()
        loss = (forward(params, x[idx]) - y[idx]).square().mean()
        loss.backward()
        opt.step()
        if step % 50 == 49:
            print(f"{step:4d} {loss.item():.4f}")


x, y = make_friedman1(800, n_features=8, noise=0.1, random_state=0)
x = (torch.tensor(x, dtype=torch.float32) - 0.5) * 3.4
y = torch.tensor(y, dtype=torch.float32)
y = (y - y.mean()) / y.std()
fit(mlp, init([8, 32, 32, 1]), x, y, steps=250)
