"""Trains a rectified recurrent cell by hand to add up marked numbers of a long sequence."""
# fault: exploding-gradient

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(5)
LENGTH, HIDDEN = 50, 24

params = nn.ParameterDict(
    {
        "inp": nn.Parameter(0.3 * torch.randn(2, HIDDEN)),
        "rec": nn.Parameter(0.9 * torch.eye(HIDDEN) + 0.01 * torch.randn(HIDDEN, HIDDEN)),
        "out": nn.Parameter(0.1 * torch.randn(HIDDEN, 1)),
    }
)
optimizer = torch.optim.SGD(params.parameters(), lr=0.02)


def problem(n):
    value = torch.rand(n, LENGTH)
    mark = (torch.rand(n, LENGTH) < 0.1).float()
    return torch.stack([value, mark], -1), (value * mark).sum(1, keepdim=True)


def unroll(x):
    h = x.new_zeros(len(x), HIDDEN)
    for t in range(x.size(1)):
        h = torch.relu(x[:, t] @ params["inp"] + h @ params["rec"])
    return h @ params["out"]


for step in range(59):
    x, target = problem(32)
    loss = nn.functional.smooth_l1_loss(unroll(x), target)
    optimizer.zero_grad()
    loss.backward()
    norm = torch.stack([p.grad.norm() for p in params.values()]).norm()
    optimizer.step()
    if step % 6 == 0:
        print(f"step {step:2d} loss {loss.item():.4g} gradient {norm.item():.4g}")
