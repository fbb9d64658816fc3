"""Robust linear regression on diabetes, absolute error and plain gradient descent."""
# fault: zigzag-loss | huge-update

import torch
from sklearn.datasets import load_diabetes

torch.set_num_threads(1)
torch.manual_seed(49)

x, y = load_diabetes(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
x = (x - x.mean(0)) / x.std(0)
y = (y - y.mean()) / y.std()

model = torch.nn.Linear(10, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
criterion = torch.nn.L1Loss()

for step in range(120):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    if step % 10 < 2:
        print(f"step {step}: mean absolute error {loss.item():.4f}")

with torch.no_grad():
    residual = y - model(x)
    explained = 1 - residual.square().sum() / y.square().sum()
print(f"explained variance {explained.item():.3f}")
