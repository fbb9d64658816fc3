"""A line, set up for `fivestep prove`, that does not go on as it was after a stop."""

import torch
from torch import nn

torch.manual_seed(0)
inputs = torch.randn(320, 3)
noise = torch.Generator().manual_seed(1)
rate = 0.05


class Noisy(nn.Module):
    """A linear layer; a generator of its own draws what is added to the inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add noise."""
        return self.line(x + 0.1 * torch.randn(x.shape, generator=noise))


def falls(optimizer: torch.optim.Optimizer, *_: object) -> None:
    """Lower the rate after every update."""
    global rate
    rate *= 0.99
    optimizer.param_groups[0]["lr"] = rate


model, loss_fn = Noisy(), nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=rate)
optimizer.register_step_post_hook(falls)
data = inputs, inputs.sum(1, keepdim=True)
