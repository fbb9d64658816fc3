"""Digits with momentum SGD written by hand: no optimizer object at all."""

# fault: none
import torch
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(0)

digits = load_digits()
X = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)

W1 = (torch.randn(64, 32) / 8).requires_grad_()
b1 = torch.zeros(32, requires_grad=True)
W2 = (torch.randn(32, 10) / 6).requires_grad_()
b2 = torch.zeros(10, requires_grad=True)
params = [W1, b1, W2, b2]
velocity = [torch.zeros_like(p) for p in params]

for step in range(200):
    idx = torch.randint(0, 1500, (64,))
    hidden = torch.relu(X[idx] @ W1 + b1)
    logp = torch.log_softmax(hidden @ W2 + b2, dim=1)
    loss = -logp[torch.arange(64), y[idx]].mean()
    loss.backward()
    for p, v in zip(params, velocity, strict=True):
        v.mul_(0.9).add_(p.grad)
        p.data -= 0.1 * v
        p.grad = None
    if step % 40 == 39:
        print(f"step {step} loss {loss.item():.4f}")

with torch.no_grad():
    pred = (torch.relu(X[1500:] @ W1 + b1) @ W2 + b2).argmax(1)
print("accuracy", (pred == y[1500:]).float().mean().item())
