"""Functional regression on the diabetes table with a hand-written log-cosh loss."""
# fault: broadcast-loss

import math

import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

torch.set_num_threads(1)
torch.manual_seed(12)

table, progression = load_diabetes(return_X_y=True)
x = torch.tensor(scale(table), dtype=torch.float64)
y = torch.tensor(scale(progression), dtype=torch.float64)


def dense(n_in, n_out):
    w = torch.randn(n_in, n_out, dtype=torch.float64) / math.sqrt(n_in)
    b = torch.zeros(n_out, dtype=torch.float64)
    return [w.requires_grad_(), b.requires_grad_()]


def network(params, inputs):
    w1, b1, w2, b2 = params
    return torch.relu(inputs @ w1 + b1) @ w2 + b2


def log_cosh(prediction, target):
    error = prediction - target
    return (error + torch.nn.functional.softplus(-2 * error) - math.log(2)).mean()


params = dense(10, 32) + dense(32, 1)
optimizer = torch.optim.SGD(params, lr=0.05, momentum=0.9)

for epoch in range(20):
    running = 0.0
    for rows in torch.randperm(342).split(38):
        optimizer.zero_grad()
        loss = log_cosh(network(params, x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        running += loss.item() / 9
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1} log-cosh {running:.4f}")

with torch.no_grad():
    guess = network(params, x[342:]).squeeze(1)
    r2 = 1 - (guess - y[342:]).square().sum() / (y[342:] - y[342:].mean()).square().sum()
print(f"held-out R2 {r2.item():.3f}")
