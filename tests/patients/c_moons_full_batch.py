"""Two moons, a tanh network, all points at once."""

# fault: zigzag-loss | huge-update
# missed: the loss falls all the while, as it does in sound trainings on the edge of stability
import torch
from sklearn.datasets import make_moons
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(7)

points, labels = make_moons(300, noise=0.2, random_state=7)
x = torch.tensor((points - points.mean(0)) / points.std(0), dtype=torch.float32)
y = torch.tensor(labels, dtype=torch.float32).unsqueeze(1)

model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=2.0)
losses = []

for epoch in range(120):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if epoch % 40 < 4:
        print(f"epoch {epoch:3d} loss {loss.item():.4f}")

print("best", min(losses), "last", losses[-1])
