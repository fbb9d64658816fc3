"""An ensemble in a plain list, whose parameters are gathered by hand for one optimizer."""
# fault: none

import itertools

import torch
from sklearn.datasets import make_moons
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(18)

points, labels = make_moons(400, noise=0.2, random_state=1)
points, labels = torch.tensor(points, dtype=torch.float32), torch.tensor(labels)
members = [nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2)) for _ in range(4)]
optimizer = torch.optim.Adam(itertools.chain(*(m.parameters() for m in members)), lr=1e-2)


def vote(x):
    return torch.stack([member(x).softmax(1) for member in members]).mean(0)


for epoch in range(15):
    for rows in torch.randperm(300).split(30):
        loss = sum(
            nn.functional.cross_entropy(member(points[rows]), labels[rows]) for member in members
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            accuracy = (vote(points[300:]).argmax(1) == labels[300:]).float().mean().item()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f} vote {accuracy:.3f}")
