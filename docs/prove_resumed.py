"""A line, set up for `fivestep prove`, that does not go on as it was after a stop."""

import torch
from torch import nn

torch.manual_seed(0)
inputs = torch.randn(320, 3)
noise = torch.Generator().manual_seed(1)
rate = 0.05


def loss_fn(prediction: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Blur the targets, by a generator that only this function knows."""
    blurred = targets + 0.1 * torch.randn(targets.shape, generator=noise)
    return nn.functional.mse_loss(prediction, blurred)


def falls(optimizer: torch.optim.Optimizer, *_: object) -> None:
    """Lower the rate after every update."""
    global rate
    rate *= 0.99
    optimizer.param_groups[0]["lr"] = rate


model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=rate)
optimizer.register_step_post_hook(falls)
data = inputs, inputs.sum(1, keepdim=True)
