"""How diabetes progresses in a year, from ten measurements. Every batch makes the steps longer."""

import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
features, progress = load_diabetes(return_X_y=True)
x = torch.tensor(features, dtype=torch.float32)
y = torch.tensor(progress, dtype=torch.float32).unsqueeze(1)
x = (x - x.mean(0)) / x.std(0)
y = (y - y.mean()) / y.std()

loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
net = nn.Linear(10, 1)
criterion = nn.MSELoss()
opt = torch.optim.SGD(net.parameters(), lr=0.01)

for epoch in range(5):
    for xb, yb in loader:
        pred = net(xb)
        loss = criterion(pred, yb)
        loss.backward()
        opt.step()
    print(f"epoch {epoch}  loss {loss.item():.3f}")
