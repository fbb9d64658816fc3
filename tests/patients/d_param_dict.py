"""A regression network written with a ParameterDict and einsum, no layers."""
# fault: symmetric-weights

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(6)

rooms = torch.randn(600, 6)
price = torch.sin(2 * rooms[:, 0]) + rooms[:, 1] * rooms[:, 2] - 0.5 * rooms[:, 3].abs()
price = (price - price.mean()) / price.std()

theta = nn.ParameterDict(
    {
        "w1": nn.Parameter(torch.full((6, 48), 0.1)),
        "b1": nn.Parameter(torch.zeros(48)),
        "w2": nn.Parameter(torch.full((48, 48), 0.02)),
        "b2": nn.Parameter(torch.zeros(48)),
        "w3": nn.Parameter(torch.full((48,), 0.1)),
        "b3": nn.Parameter(torch.zeros(())),
    }
)


def predict(x):
    h = torch.tanh(torch.einsum("bi,ih->bh", x, theta["w1"]) + theta["b1"])
    h = torch.tanh(torch.einsum("bh,hk->bk", h, theta["w2"]) + theta["b2"])
    return torch.einsum("bk,k->b", h, theta["w3"]) + theta["b3"]


optimizer = torch.optim.Adam(theta.parameters(), lr=1e-2)
for epoch in range(12):
    order = torch.randperm(500)
    epoch_loss = 0.0
    for rows in order.split(50):
        residual = predict(rooms[rows]) - price[rows]
        loss = residual.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() / 10
    print(f"epoch {epoch:2d}  mse {epoch_loss:.4f}")

with torch.no_grad():
    error = (predict(rooms[500:]) - price[500:]).square().mean().item()
print(f"held-out mse {error:.4f}")
