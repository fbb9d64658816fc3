"""Identify which of eight synthetic faces (smooth random fields) a noisy view shows."""

# fault: restless-evaluation
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(12)

base = F.interpolate(torch.rand(8, 1, 4, 4), size=(16, 16), mode="bilinear")


def views(n):
    label = torch.randint(0, 8, (n,))
    return base[label] + 0.3 * torch.randn(n, 1, 16, 16), label


class FaceNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, stride=2)
        self.conv2 = nn.Conv2d(8, 16, 3, stride=2)
        self.fc1 = nn.Linear(144, 64)
        self.fc2 = nn.Linear(64, 8)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.relu(self.fc1(x.flatten(1)))
        x = F.dropout(x, p=0.6)
        return self.fc2(x)


train_x, train_y = views(640)
test_x, test_y = views(160)
model = FaceNet()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(6):
    model.train()
    for idx in torch.randperm(640).split(32):
        loss = F.cross_entropy(model(train_x[idx]), train_y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        first = model(test_x).argmax(1)
        acc = (first == test_y).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} acc {acc:.3f}")
