"""Logistic regression with the update rule written out, on breast cancer data."""

# fault: diverging-loss
import torch
from sklearn.datasets import load_breast_cancer

torch.set_num_threads(1)
torch.manual_seed(0)

data = load_breast_cancer()
X = torch.tensor(data.data, dtype=torch.float64)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(data.target, dtype=torch.float64)

w = (0.01 * torch.randn(30, dtype=torch.float64)).requires_grad_()
b = torch.zeros(1, dtype=torch.float64, requires_grad=True)
rate = 0.05

for step in range(150):
    idx = torch.randint(0, 500, (64,))
    z = X[idx] @ w + b
    loss = torch.nn.functional.binary_cross_entropy_with_logits(z, y[idx])
    loss.backward()
    with torch.no_grad():
        for p in (w, b):
            p += rate * p.grad
            p.grad = None
    if step % 30 == 0:
        print(f"step {step} loss {loss.item():.4f}")
