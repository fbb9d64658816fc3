"""Fit a cubic to a sine with plain tensors and no optimizer."""
# fault: stale-gradient
import math

import torch

torch.set_num_threads(1)
torch.manual_seed(39)

x = torch.linspace(-math.pi, math.pi, 200) / math.pi
y = torch.sin(math.pi * x)

a = torch.randn((), requires_grad=True)
b = torch.randn((), requires_grad=True)
c = torch.randn((), requires_grad=True)
d = torch.randn((), requires_grad=True)
coefficients = [a, b, c, d]

learning_rate = 0.1
for t in range(200):
    y_pred = a + b * x + c * x**2 + d * x**3
    loss = (y_pred - y).pow(2).mean()
    loss.backward()
    with torch.no_grad():
        for coefficient in coefficients:
            coefficient -= learning_rate * coefficient.grad
    if t % 25 == 0:
        print(t, loss.item())

print(f"y = {a.item():.3f} + {b.item():.3f} x + {c.item():.3f} x^2 + {d.item():.3f} x^3")
