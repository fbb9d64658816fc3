"""Trains a straight line by hand, without an optimizer."""
# fault: none

import torch

torch.manual_seed(8)
torch.set_num_threads(1)

x = torch.randn(100, 1)
y = 3 * x - 1 + 0.1 * torch.randn(100, 1)

w = torch.zeros(1, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
learning_rate = 0.1

for epoch in range(60):
    y_hat = x @ w + b
    loss = ((y_hat - y) ** 2).mean()
    loss.backward()
    w.data -= learning_rate * w.grad
    b.data -= learning_rate * b.grad
    w.grad.zero_()
    b.grad.zero_()
    if epoch % 10 == 0:
        print(f"epoch {epoch}: loss {loss.item():.4f}")

print(f"w = {w.item():.3f}, b = {b.item():.3f}")
