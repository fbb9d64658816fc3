"""A two-layer network written by hand on digits, with manual updates and a held-out score."""
# fault: none

import torch
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(60)

x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
order = torch.randperm(len(x))
x, y = x[order], y[order]
x_train, y_train, x_test, y_test = x[:1400], y[:1400], x[1400:], y[1400:]

w1 = (torch.randn(64, 64) * (2 / 64) ** 0.5).requires_grad_()
b1 = torch.zeros(64, requires_grad=True)
w2 = torch.zeros(64, 10, requires_grad=True)
b2 = torch.zeros(10, requires_grad=True)
parameters = [w1, b1, w2, b2]


def network(x):
    return torch.tanh(x @ w1 + b1) @ w2 + b2


for epoch in range(6):
    for rows in torch.randperm(1400).split(50):
        loss = torch.nn.functional.cross_entropy(network(x_train[rows]), y_train[rows])
        loss.backward()
        with torch.no_grad():
            for p in parameters:
                p -= 0.2 * p.grad
                p.grad.zero_()
    with torch.no_grad():
        accuracy = (network(x_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f} accuracy {accuracy:.3f}")
