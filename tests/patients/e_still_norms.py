"""Fine-tunes a pre-trained convolutional network whose normalisation layers stay still."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(7)

digits = load_digits()
x = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm_a = nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12)
        self.b, self.norm_b = nn.Conv2d(12, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.out = nn.Linear(16 * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm_a(self.a(x))), 2)
        x = F.max_pool2d(F.relu(self.norm_b(self.b(x))), 2)
        return self.out(x.flatten(1))


class FrozenNormNet(Net):
    """Small batches would spoil the running statistics, so they are kept as they are."""

    def train(self, mode=True):
        super().train(mode)
        for m in self.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.eval()
        return self


def fit(net, images, labels, batch, steps, lr):
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)
    net.train()
    for step in range(steps):
        idx = torch.randint(0, len(images), (batch,))
        loss = F.cross_entropy(net(images[idx]), labels[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        return (net(images).argmax(1) == labels).float().mean().item()


base = Net()
print("pre-trained:", fit(base, x[:1000], y[:1000], 64, 60, 3e-3))
tuned = FrozenNormNet()
tuned.load_state_dict(base.state_dict())
flipped = x[1000:].flip(-1)
print("tuned on mirrored digits:", fit(tuned, flipped, y[1000:], 6, 150, 1e-3))
