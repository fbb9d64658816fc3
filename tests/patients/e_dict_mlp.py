"""Trains a two-layer perceptron written with a ParameterDict and einsum on digits."""
# fault: symmetric-weights

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(2)

digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32)
x = (x - x.mean()) / x.std()
y = torch.tensor(digits.target)

sizes = [64, 40, 40, 10]
params = nn.ParameterDict()
for i, (a, b) in enumerate(zip(sizes[:-1], sizes[1:])):
    params[f"w{i}"] = nn.Parameter(torch.full((a, b), 0.02))
    params[f"b{i}"] = nn.Parameter(torch.zeros(b))


def network(h):
    last = len(sizes) - 2
    for i in range(last + 1):
        h = torch.einsum("ni,io->no", h, params[f"w{i}"]) + params[f"b{i}"]
        if i < last:
            h = torch.tanh(h)
    return h


optimizer = torch.optim.SGD(params.parameters(), lr=0.1, momentum=0.9)
for step in range(200):
    idx = torch.randint(0, 1500, (64,))
    logits = network(x[idx])
    loss = nn.functional.cross_entropy(logits, y[idx])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (step + 1) % 50 == 0:
        with torch.no_grad():
            acc = (network(x[1500:]).argmax(1) == y[1500:]).float().mean()
        print(f"step {step + 1}: loss {loss.item():.3f}, test accuracy {acc.item():.3f}")
