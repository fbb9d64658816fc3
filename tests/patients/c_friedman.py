"""A linear model of the Friedman data, SGD with heavy momentum."""

# fault: zigzag-loss | huge-update
import torch
from sklearn.datasets import make_friedman1
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(5)

X, y = make_friedman1(400, 8, noise=0.3, random_state=5)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32).unsqueeze(1)

net = nn.Sequential(nn.Linear(8, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.995)
losses = []
mse = nn.MSELoss()

for step in range(150):
    optimizer.zero_grad()
    loss = mse(net(X), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if step % 30 < 4:
        print(f"{step:3d}  {loss.item():.4f}")
