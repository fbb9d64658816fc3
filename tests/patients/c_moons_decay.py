"""Two moons with a hand-made decay of the learning rate."""

# fault: zero-learning-rate
import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(15)

points, labels = make_moons(1000, noise=0.15, random_state=3)
x = torch.tensor(points, dtype=torch.float32)
y = torch.tensor(labels, dtype=torch.float32).unsqueeze(1)
loader = DataLoader(TensorDataset(x[:800], y[:800]), batch_size=40, shuffle=True)

net = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
sched = LambdaLR(opt, lr_lambda=lambda epoch: 1 // (1 + 0.2 * epoch))
bce = nn.BCEWithLogitsLoss()

for epoch in range(15):
    net.train()
    total = 0.0
    for xb, yb in loader:
        opt.zero_grad()
        loss = bce(net(xb), yb)
        loss.backward()
        opt.step()
        total += loss.item()
    sched.step()
    net.eval()
    with torch.no_grad():
        accuracy = ((net(x[800:]) > 0).float() == y[800:]).float().mean()
    print(f"epoch {epoch:2d} loss {total / len(loader):.4f} accuracy {accuracy:.3f}")
