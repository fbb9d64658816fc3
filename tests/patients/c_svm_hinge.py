"""A linear support vector machine with a hinge loss of our own."""

# fault: flat-loss
import torch
from sklearn.datasets import make_blobs
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(44)

points, side = make_blobs(600, centers=2, n_features=4, cluster_std=2.0, random_state=8)
points = torch.tensor((points - points.mean(0)) / points.std(0), dtype=torch.float32)
side = torch.tensor(side * 2.0 - 1.0, dtype=torch.float32)


class HingeLoss(nn.Module):
    def forward(self, score, side):
        return torch.clamp(1 - side * score, max=0).mean()


svm = nn.Linear(4, 1)
nn.init.normal_(svm.weight, std=0.01)
nn.init.zeros_(svm.bias)
hinge = HingeLoss()
optimizer = torch.optim.SGD(svm.parameters(), lr=0.05)

for epoch in range(8):
    total = 0.0
    for rows in torch.randperm(500).split(25):
        loss = hinge(svm(points[rows]).squeeze(1), side[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    with torch.no_grad():
        right = (svm(points[500:]).squeeze(1).sign() == side[500:]).float().mean()
    print(f"epoch {epoch}: hinge {total / 20:.4f} right {right:.2f}")
