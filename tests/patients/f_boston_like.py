"""House prices (synthetic, California-like) with a smooth robust loss written by hand."""

# fault: broadcast-loss
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

n = 1200
rooms = 3 + 5 * torch.rand(n)
income = torch.distributions.Gamma(2.0, 1.0).sample((n,))
age = 50 * torch.rand(n)
sea = torch.rand(n)
price = 0.4 * income + 0.2 * rooms - 0.01 * age - 0.8 * sea + 0.1 * torch.randn(n)

X = torch.stack([rooms, income, age, sea], dim=1)
X = (X - X.mean(0)) / X.std(0)
y = (price - price.mean()) / price.std()

model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)


def log_cosh(pred, target):
    return torch.log(torch.cosh(pred - target)).mean()


for epoch in range(8):
    perm = torch.randperm(1000)
    for idx in perm.split(50):
        optimizer.zero_grad()
        loss = log_cosh(model(X[idx]), y[idx])
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} loss {loss.item():.4f}")

with torch.no_grad():
    pred = model(X[1000:]).squeeze(1)
rest = ((pred - y[1000:]) ** 2).sum() / ((y[1000:] - y[1000:].mean()) ** 2).sum()
print("R2", 1 - rest.item())
