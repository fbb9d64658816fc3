"""A two-layer network updated by hand, without an optimizer."""
# fault: none

import torch
from sklearn.datasets import load_iris

torch.set_num_threads(1)
torch.manual_seed(71)

x, y = load_iris(return_X_y=True)
order = torch.randperm(150)
x = torch.tensor(x, dtype=torch.float32)[order]
y = torch.tensor(y)[order]
x = (x - x.mean(0)) / x.std(0)

w1 = (0.5 * torch.randn(4, 16)).requires_grad_()
b1 = torch.zeros(16, requires_grad=True)
w2 = (0.25 * torch.randn(16, 3)).requires_grad_()
b2 = torch.zeros(3, requires_grad=True)
params = [w1, b1, w2, b2]
rate = 0.3


def model(inputs):
    return torch.tanh(inputs @ w1 + b1) @ w2 + b2


for step in range(150):
    rows = torch.randint(0, 120, (40,))
    loss = torch.nn.functional.cross_entropy(model(x[rows]), y[rows])
    loss.backward()
    with torch.no_grad():
        for p in params:
            p -= rate * p.grad
            p.grad = None
    if step % 30 == 29:
        print(f"step {step + 1}: {loss.item():.4f}")

with torch.no_grad():
    print("accuracy", (model(x[120:]).argmax(1) == y[120:]).float().mean().item())
