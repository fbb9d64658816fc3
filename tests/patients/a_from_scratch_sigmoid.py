"""A two-layer sigmoid network written from scratch with tensors only."""
# fault: dead-units

import torch
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(19)

digits = load_digits()
keep = digits.target < 2
X = torch.tensor(digits.data[keep] / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target[keep], dtype=torch.float32).unsqueeze(1)

n_in, n_hidden = X.shape[1], 40
W1 = torch.rand(n_in, n_hidden, requires_grad=True)
b1 = torch.zeros(n_hidden, requires_grad=True)
W2 = torch.randn(n_hidden, 1).mul_(0.1).requires_grad_(True)
b2 = torch.zeros(1, requires_grad=True)
params = [W1, b1, W2, b2]


def forward(x):
    hidden = torch.sigmoid(x @ W1 + b1)
    return torch.sigmoid(hidden @ W2 + b2)


def binary_cross_entropy(p, t):
    return -(t * torch.log(p + 1e-7) + (1 - t) * torch.log(1 - p + 1e-7)).mean()


learning_rate = 0.1
for epoch in range(30):
    for start in range(0, len(X), 30):
        xb, yb = X[start : start + 30], y[start : start + 30]
        loss = binary_cross_entropy(forward(xb), yb)
        for p in params:
            p.grad = None
        loss.backward()
        with torch.no_grad():
            for p in params:
                p -= learning_rate * p.grad
    if epoch % 6 == 5:
        with torch.no_grad():
            accuracy = ((forward(X) > 0.5).float() == y).float().mean().item()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}, accuracy {accuracy:.3f}")
