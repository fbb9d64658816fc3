"""Trains a network of plain tensors with a descent written out by hand."""
# fault: none

import torch
from sklearn.datasets import load_wine

torch.set_num_threads(1)
torch.manual_seed(12)

x, y = load_wine(return_X_y=True)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor(y)

w1 = (0.3 * torch.randn(13, 24)).requires_grad_()
b1 = torch.zeros(24, requires_grad=True)
w2 = (0.2 * torch.randn(24, 3)).requires_grad_()
b2 = torch.zeros(3, requires_grad=True)
weights = [w1, b1, w2, b2]

for epoch in range(10):
    for idx in torch.randperm(len(x)).split(30):
        logits = torch.relu(x[idx] @ w1 + b1) @ w2 + b2
        loss = torch.nn.functional.cross_entropy(logits, y[idx])
        loss.backward()
        for w in weights:
            w.data -= 0.1 * w.grad
            w.grad.zero_()
    print(f"epoch {epoch}: {loss.item():.4f}")
