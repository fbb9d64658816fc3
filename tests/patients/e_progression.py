"""Regresses the progression of diabetes with a loss written by hand."""
# fault: broadcast-loss

import torch
from sklearn.datasets import load_diabetes
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(40)

bunch = load_diabetes(scaled=True)
x = torch.tensor(bunch.data * 21.0, dtype=torch.float32)
y = torch.tensor((bunch.target - 152.0) / 77.0, dtype=torch.float32)
train_x, train_y, test_x, test_y = x[:360], y[:360], x[360:], y[360:]


def huberish(prediction, target, delta=1.5):
    error = prediction - target
    small = error.abs() <= delta
    return torch.where(small, 0.5 * error**2, delta * (error.abs() - 0.5 * delta)).mean()


net = nn.Sequential(nn.Linear(10, 40), nn.ReLU(), nn.Linear(40, 1))
opt = torch.optim.Adam(net.parameters(), lr=5e-3)

for epoch in range(15):
    for idx in torch.randperm(360).split(40):
        loss = huberish(net(train_x[idx]), train_y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            pred = net(test_x).squeeze(1)
            mae = (pred - test_y).abs().mean()
        print(
            f"epoch {epoch + 1}: loss {loss.item():.3f}, mae {mae.item():.3f}, spread {pred.std():.3f}"
        )
