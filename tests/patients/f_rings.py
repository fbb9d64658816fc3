"""Inner or outer ring: a three-layer network on make_circles."""

# fault: linear-stack
import torch
from sklearn.datasets import make_circles
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

X, y = make_circles(500, noise=0.08, factor=0.5, random_state=0)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)


class RingNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 64)
        self.fc2 = nn.Linear(64, 64)
        self.fc3 = nn.Linear(64, 1)

    def forward(self, x):
        x = self.fc1(x)
        x = self.fc2(x)
        return self.fc3(x)


model = RingNet()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.BCEWithLogitsLoss()

for step in range(200):
    idx = torch.randint(0, 400, (50,))
    optimizer.zero_grad()
    loss = criterion(model(X[idx]), y[idx])
    loss.backward()
    optimizer.step()
    if step % 40 == 39:
        print(step, round(loss.item(), 4))

with torch.no_grad():
    pred = (model(X[400:]) > 0).float()
print("accuracy", (pred == y[400:]).float().mean().item())
