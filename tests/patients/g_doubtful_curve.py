"""Trains a regressor and estimates its doubt by repeated passes with dropout."""
# fault: none

import torch
from torch import Tensor, nn

torch.manual_seed(14)
torch.set_num_threads(1)


class Net(nn.Module):
    def __init__(self, width: int = 64, rate: float = 0.1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(1, width),
            nn.ReLU(),
            nn.Dropout(rate),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Dropout(rate),
            nn.Linear(width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


@torch.no_grad()
def mc_predict(net: Net, x: Tensor, passes: int = 20) -> tuple[Tensor, Tensor]:
    """Mean and spread of the predictions, each with another dropout mask."""
    net.eval()
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.train()
    samples = torch.stack([net(x) for _ in range(passes)])
    net.train()
    return samples.mean(0), samples.std(0)


x = 4 * torch.rand(400, 1) - 2
y = torch.sin(2 * x) + 0.1 * torch.randn_like(x)
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for i in range(250):
    rows = torch.randint(0, len(x), (64,))
    loss = nn.functional.mse_loss(net(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if i % 50 == 49:
        grid = torch.tensor([[-1.0], [0.0], [1.0], [4.0]])
        mean, doubt = mc_predict(net, grid)
        text = ", ".join(f"{m:.2f}±{d:.2f}" for m, d in zip(mean[:, 0], doubt[:, 0]))
        print(f"iteration {i + 1}: loss {loss.item():.4f} predictions {text}")
