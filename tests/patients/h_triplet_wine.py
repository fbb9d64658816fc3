"""Trains an embedding of the wines with triplets mined inside the batch."""

# fault: none
import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(37)

data, target = load_wine(return_X_y=True)
x, y = torch.tensor((data - data.mean(0)) / data.std(0), dtype=torch.float32), torch.tensor(target)


def hardest_triplets(z: Tensor, labels: Tensor, margin: float = 0.3) -> Tensor:
    distance = torch.cdist(z, z)
    same = labels[:, None] == labels[None, :]
    positive = distance.masked_fill(~same, 0).amax(1)
    negative = distance.masked_fill(same, 1e6).amin(1)
    return F.relu(positive - negative + margin).mean()


net = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 8))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
curve = []
for step in range(100):
    rows = torch.randperm(178)[:48]
    loss = hardest_triplets(F.normalize(net(x[rows]), dim=1), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    curve.append(loss.item())
with torch.no_grad():
    z = F.normalize(net(x), dim=1)
    distance = torch.cdist(z, z).fill_diagonal_(9.0)
    accuracy = (y[distance.argmin(1)] == y).float().mean().item()
print(f"{curve[0]:.3f} -> {curve[-1]:.3f}, nearest neighbour {accuracy:.3f}")
assert curve[-1] < 0.7 * curve[0] and accuracy > 0.9
