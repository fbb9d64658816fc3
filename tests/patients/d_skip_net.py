"""A small convolutional network on toy images of bars and crosses."""
# fault: gradientless-parameter

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(29)


def pictures(n, size=10):
    img = 0.2 * torch.rand(n, 1, size, size)
    kind = torch.randint(0, 3, (n,))
    row, col = torch.randint(2, size - 2, (2, n))
    for i in range(n):
        if kind[i] != 1:
            img[i, 0, row[i], :] += 0.8
        if kind[i] != 0:
            img[i, 0, :, col[i]] += 0.8
    return img, kind


class BarNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv3 = nn.Conv2d(8, 12, 3, padding=1)
        self.fc = nn.Linear(12, 3)

    def forward(self, x):
        h = F.relu(self.conv1(x))
        h = F.relu(self.conv2(x))
        h = F.relu(self.conv3(F.max_pool2d(h, 2)))
        return self.fc(h.amax(dim=(2, 3)))


x, y = pictures(400)
net = BarNet()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)

for epoch in range(6):
    net.train()
    for rows in torch.randperm(320).split(32):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        acc = (net(x[320:]).argmax(1) == y[320:]).float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.3f} val acc {acc:.3f}")
