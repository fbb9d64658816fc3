"""Trains a noisy classifier at a high rate, keeps the winner by validation and scores it."""
# fault: aliased-best

import torch
import torch.nn.functional as F
from sklearn.datasets import make_classification
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(75)

x, y = make_classification(900, 12, n_informative=6, flip_y=0.1, random_state=5)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor(y)

model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.8)
best = {"score": 0.0, "epoch": -1, "weights": None}


def score(rows):
    model.eval()
    with torch.no_grad():
        return (model(x[rows]).argmax(1) == y[rows]).float().mean().item()


for epoch in range(12):
    model.train()
    for idx in torch.randperm(600).split(20):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
    current = score(slice(600, 750))
    if current > best["score"]:
        best = {"score": current, "epoch": epoch, "weights": model.state_dict()}
    print(f"epoch {epoch:2d}: {current:.3f}")

model.load_state_dict(best["weights"])
print(f"best {best['score']:.3f} at {best['epoch']}, now {score(slice(600, 750)):.3f}")
print(f"test {score(slice(750, 900)):.3f}")
