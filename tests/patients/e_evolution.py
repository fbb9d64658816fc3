"""Trains a classifier by an evolution strategy which estimates the gradient from noise."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.datasets import load_iris
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

torch.set_num_threads(1)
torch.manual_seed(28)

x, y = load_iris(return_X_y=True)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor(y)
net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-2)
SIGMA, PAIRS = 0.1, 12

for generation in range(60):
    with torch.no_grad():
        centre = parameters_to_vector(net.parameters())
        estimate = torch.zeros_like(centre)
        for _ in range(PAIRS):
            noise = torch.randn_like(centre)
            fitness = []
            for sign in (1, -1):
                vector_to_parameters(centre + sign * SIGMA * noise, net.parameters())
                fitness.append(F.cross_entropy(net(x), y))
            estimate += (fitness[0] - fitness[1]) / (2 * SIGMA * PAIRS) * noise
        vector_to_parameters(centre, net.parameters())
    start = 0
    for p in net.parameters():
        p.grad = estimate[start : start + p.numel()].view_as(p).clone()
        start += p.numel()
    optimizer.step()
    if generation % 15 == 14:
        with torch.no_grad():
            out = net(x)
        acc = (out.argmax(1) == y).float().mean().item()
        print(f"{generation + 1}: loss {F.cross_entropy(out, y).item():.3f} accuracy {acc:.3f}")
