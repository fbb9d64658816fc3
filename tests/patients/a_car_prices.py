"""A linear regression with one hidden layer on mileage, year and power of used cars."""
# fault: unscaled-input

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(7)
rng = np.random.default_rng(7)

n = 600
year = rng.integers(1998, 2024, n)
mileage = rng.uniform(1_000, 220_000, n)
power = rng.uniform(50, 300, n)
price = 0.9 * (year - 1998) - 0.00006 * mileage + 0.05 * power + rng.normal(0, 1, n)
price = (price - price.mean()) / price.std()

x = torch.from_numpy(np.stack([year, mileage, power], axis=1)).double()
t = torch.from_numpy(price).double().unsqueeze(1)
train_x, train_t = x[:500], t[:500]
test_x, test_t = x[500:], t[500:]

net = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1)).double()
opt = torch.optim.RMSprop(net.parameters(), lr=0.01)


def batches(a, b, size):
    order = torch.randperm(len(a))
    for chunk in order.split(size):
        yield a[chunk], b[chunk]


for epoch in range(20):
    losses = []
    for bx, bt in batches(train_x, train_t, 50):
        loss = nn.functional.mse_loss(net(bx), bt)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    if epoch % 4 == 3:
        with torch.no_grad():
            test = nn.functional.mse_loss(net(test_x), test_t)
        print(f"{epoch + 1}: train {sum(losses) / len(losses):.3f}, test {test.item():.3f}")
