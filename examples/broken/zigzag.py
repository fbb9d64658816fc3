"""Diabetes again, on the whole data at once: the loss goes up and down and never settles."""

import torch
from sklearn.datasets import load_diabetes
from torch import nn

torch.manual_seed(0)
features, progress = load_diabetes(return_X_y=True)
x = torch.tensor(features, dtype=torch.float32)
y = torch.tensor(progress, dtype=torch.float32).unsqueeze(1)
x = (x - x.mean(0)) / x.std(0)
y = (y - y.mean()) / y.std()

model = nn.Linear(10, 1)
loss_fn = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.25)

for epoch in range(60):
    pred = model(x)
    loss = loss_fn(pred, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 5 == 0:
        print(f"epoch {epoch:2}  loss {loss.item():.3f}")
