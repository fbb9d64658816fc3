"""Attention pooling over a bag of instances with a learned query."""
# fault: unregistered-module

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(47)


def bags(n):
    x = torch.randn(n, 8, 6)
    y = (x[..., 0].max(1).values > 1.6).long()
    return x, y


class AttentionPool(nn.Module):
    def __init__(self, n_in, hidden, classes):
        super().__init__()
        self.embed = nn.Linear(n_in, hidden)
        self.query = torch.randn(hidden, requires_grad=True)
        self.scale = torch.ones(1, requires_grad=True)
        self.out = nn.Linear(hidden, classes)

    def forward(self, x):
        h = torch.tanh(self.embed(x))
        weight = F.softmax(self.scale * (h @ self.query), dim=1)
        return self.out((weight.unsqueeze(2) * h).sum(1))


model = AttentionPool(6, 32, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
x, y = bags(800)
for epoch in range(5):
    for rows in torch.randperm(800).split(40):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        print(f"epoch {epoch + 1}: {(model(x).argmax(1) == y).float().mean():.3f}")
