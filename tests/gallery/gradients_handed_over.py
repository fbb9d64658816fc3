"""Updates with no backward of their own: master weights, a first idle step, autograd.grad."""

import torch
from torch import nn
from torch.nn import functional


def with_master_weights() -> None:
    model = nn.Linear(4, 1).to(torch.bfloat16)
    master = [one.detach().float().requires_grad_() for one in model.parameters()]
    optimizer = torch.optim.SGD(master, 0.01)
    for _ in range(20):
        x = torch.randn(16, 4)
        model.zero_grad()
        functional.mse_loss(model(x.bfloat16()).float(), x[:, :1]).backward()
        for slow, fast in zip(master, model.parameters(), strict=True):
            if slow.grad is None:
                slow.grad = torch.empty_like(slow)
            slow.grad.data.copy_(fast.grad.data)
        optimizer.step()
        for slow, fast in zip(master, model.parameters(), strict=True):
            fast.data.copy_(slow.data)


def with_a_step_before() -> None:
    model = nn.Linear(4, 1)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    optimizer.step()  # or the schedule warns
    for _ in range(20):
        x = torch.randn(16, 4)
        loss = functional.mse_loss(model(x), x[:, :1])
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()


def main() -> None:
    with_master_weights()
    with_a_step_before()
