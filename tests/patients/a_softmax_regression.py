"""Softmax regression from zero weights, written by hand with momentum."""
# fault: none

import torch
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(20)

x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
order = torch.randperm(len(x))
x, y = x[order], y[order]
weight = torch.zeros(64, 10, requires_grad=True)
bias = torch.zeros(10, requires_grad=True)
speed = [torch.zeros(64, 10), torch.zeros(10)]

for epoch in range(6):
    for rows in torch.randperm(1500).split(50):
        logits = x[rows] @ weight + bias
        logp = logits - logits.logsumexp(1, keepdim=True)
        loss = -logp[torch.arange(len(rows)), y[rows]].mean()
        loss.backward()
        with torch.no_grad():
            for p, v in zip((weight, bias), speed, strict=True):
                v.mul_(0.9).add_(p.grad)
                p -= 0.1 * v
                p.grad.zero_()
    with torch.no_grad():
        accuracy = ((x[1500:] @ weight + bias).argmax(1) == y[1500:]).float().mean()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f} accuracy {accuracy.item():.3f}")
