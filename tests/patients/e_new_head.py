"""Fine-tunes a network pre-trained on low digits with a new head for the high digits."""
# fault: unfrozen-module

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(70)

digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
low, high = torch.where(y < 5)[0], torch.where(y >= 5)[0]


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
        self.head = nn.Linear(32, 5)

    def forward(self, x):
        return self.head(self.backbone(x))


def train(net, rows, offset, lr, steps):
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)
    for _ in range(steps):
        idx = rows[torch.randint(0, len(rows), (50,))]
        loss = F.cross_entropy(net(x[idx]), y[idx] - offset)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


net = Classifier()
print("pre-training:", train(net, low, 0, 3e-3, 100))

kept = net.backbone[0].weight.detach().clone()
net.backbone.requires_grad = False
net.head = nn.Linear(32, 5)
print("new head:", train(net, high, 5, 1e-2, 100))
print("backbone moved by", (net.backbone[0].weight - kept).norm().item())
