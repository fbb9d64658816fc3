"""Learn an embedding of iris in which flowers of one species lie close together."""
# fault: nonfinite-gradient

import torch
from sklearn.datasets import load_iris
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(34)

x, y = load_iris(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = torch.tensor(y)


def pairwise(z):
    return (z.unsqueeze(1) - z.unsqueeze(0)).square().sum(-1).sqrt()


def contrastive(z, labels, margin=2.0):
    d = pairwise(z)
    same = (labels.unsqueeze(1) == labels.unsqueeze(0)).float()
    return (same * d + (1 - same) * (margin - d).clamp(min=0)).mean()


embed = nn.Sequential(nn.Linear(4, 24), nn.Tanh(), nn.Linear(24, 2))
optimizer = torch.optim.Adam(embed.parameters(), lr=5e-3)

for epoch in range(10):
    for rows in torch.randperm(120).split(30):
        loss = contrastive(embed(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch == 0:
            print(f"first epoch loss {loss.item():.4f}")
print(f"last loss {loss.item():.4f}")
