"""Fit a damped oscillation with L-BFGS; the closure evaluates several times per step."""

# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

t = torch.linspace(0, 4, 120, dtype=torch.float64).unsqueeze(1)
y = torch.exp(-0.5 * t) * torch.cos(4 * t)

model = nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 1)).double()
optimizer = torch.optim.LBFGS(model.parameters(), lr=1.0, max_iter=8, line_search_fn="strong_wolfe")


def closure():
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(t - 2), y)
    loss.backward()
    return loss


for step in range(20):
    loss = optimizer.step(closure)
    if step % 5 == 4:
        print(step, loss.item())
