"""An MLP on two moons with constant initial weights for repeatable runs."""
# fault: symmetric-weights

import torch
from sklearn.datasets import make_moons
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

points, labels = make_moons(400, noise=0.15, random_state=0)
points = torch.tensor(points, dtype=torch.float32)
labels = torch.tensor(labels)


class MoonNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 2)
        )
        self.apply(self._init)

    @staticmethod
    def _init(module):
        if isinstance(module, nn.Linear):
            nn.init.constant_(module.weight, 0.1)
            nn.init.constant_(module.bias, 0.0)

    def forward(self, x):
        return self.net(x)


model = MoonNet()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
criterion = nn.CrossEntropyLoss()
for epoch in range(20):
    for rows in torch.randperm(400).split(40):
        loss = criterion(model(points[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            accuracy = (model(points).argmax(1) == labels).float().mean().item()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f} accuracy {accuracy:.3f}")
