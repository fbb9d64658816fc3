"""Linear regression with the update written by hand."""

# fault: diverging-loss
import torch

torch.set_num_threads(1)
torch.manual_seed(1)

n = 200
x = torch.randn(n, 3)
true_w = torch.tensor([[1.5], [-2.0], [0.7]])
y = x @ true_w + 0.3 + 0.1 * torch.randn(n, 1)

w = torch.zeros(3, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
learning_rate = 0.01

for t in range(100):
    y_pred = x @ w + b
    loss = ((y_pred - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w += learning_rate * w.grad
        b += learning_rate * b.grad
        w.grad.zero_()
        b.grad.zero_()
    if t % 10 == 0:
        print(t, loss.item())

print("w", w.flatten().tolist(), "b", b.item())
