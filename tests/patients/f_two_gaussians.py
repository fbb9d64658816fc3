"""Separate two overlapping Gaussian clouds with logistic regression and report accuracy."""

# fault: broadcast-metric
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

x = torch.cat([torch.randn(300, 5) + 0.9, torch.randn(300, 5) - 0.9])
y = torch.cat([torch.ones(300), torch.zeros(300)])
perm = torch.randperm(600)
x, y = x[perm], y[perm]

model = nn.Linear(5, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
loss_fn = nn.BCEWithLogitsLoss()

for epoch in range(10):
    for idx in torch.randperm(480).split(40):
        logits = model(x[idx])
        loss = loss_fn(logits, y[idx].unsqueeze(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    with torch.no_grad():
        pred = (model(x[480:]) > 0).float()
        accuracy = (pred == y[480:]).float().mean()
    print(f"epoch {epoch} loss {loss.item():.3f} accuracy {accuracy.item():.3f}")
