"""Trains a softmax regression of digits with an optimizer class written by hand."""
# fault: diverging-loss

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(63)


class HeavyBall(torch.optim.Optimizer):
    """Momentum in its plain form."""

    def __init__(self, params, lr=0.01, beta=0.9):
        super().__init__(params, {"lr": lr, "beta": beta})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                velocity = state.setdefault("velocity", torch.zeros_like(p))
                velocity.mul_(group["beta"]).add_(p.grad)
                p.add_(velocity, alpha=group["lr"])


digits = load_digits()
x = torch.tensor((digits.data - 4.9) / 6.0, dtype=torch.float32)
y = torch.tensor(digits.target)
model = nn.Linear(64, 10)
optimizer = HeavyBall(model.parameters(), lr=2e-3)

for step in range(150):
    idx = torch.randint(0, len(x), (64,))
    loss = nn.functional.cross_entropy(model(x[idx]), y[idx])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 25 == 0:
        print(f"step {step:3d}: loss {loss.item():.3f}")
