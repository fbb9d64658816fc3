"""Trains digits in functional style with torch.func and a hand-written Adam."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch.func import grad_and_value

torch.set_num_threads(1)
torch.manual_seed(13)

digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)


def init(sizes):
    return {
        f"{kind}{i}": torch.randn(a, b) * (2 / a) ** 0.5 if kind == "w" else torch.zeros(b)
        for i, (a, b) in enumerate(zip(sizes[:-1], sizes[1:]))
        for kind in "wb"
    }


def apply(params, h):
    h = torch.relu(torch.einsum("ni,ij->nj", h, params["w0"]) + params["b0"])
    return torch.einsum("ni,ij->nj", h, params["w1"]) + params["b1"]


def loss_fn(params, x, y):
    logp = torch.log_softmax(apply(params, x), dim=1)
    return -logp.gather(1, y[:, None]).mean()


def adam(params, grads, m, v, t, lr=3e-3):
    m = {k: 0.9 * m[k] + 0.1 * grads[k] for k in params}
    v = {k: 0.999 * v[k] + 0.001 * grads[k] ** 2 for k in params}
    new = {}
    for k, p in params.items():
        step = (m[k] / (1 - 0.9**t)) / ((v[k] / (1 - 0.999**t)).sqrt() + 1e-8)
        new[k] = p - lr * step
    return new, m, v


params = init([64, 48, 10])
m = {k: torch.zeros_like(p) for k, p in params.items()}
v = {k: torch.zeros_like(p) for k, p in params.items()}
value_and_grad = grad_and_value(loss_fn)
for t in range(1, 151):
    idx = torch.randint(0, 1500, (64,))
    grads, loss = value_and_grad(params, x[idx], y[idx])
    params, m, v = adam(params, grads, m, v, t)
    if t % 30 == 0:
        acc = (apply(params, x[1500:]).argmax(1) == y[1500:]).float().mean()
        print(f"{t}: loss {loss.item():.3f} accuracy {acc.item():.3f}")
