"""Classifies synthetic textures with a small convolutional network, validated per epoch."""
# fault: evaluation-graph

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(33)


class Textures(Dataset):
    def __init__(self, count, generator):
        grid = torch.arange(12.0)
        yy, xx = torch.meshgrid(grid, grid, indexing="ij")
        self.label = torch.randint(0, 3, (count,), generator=generator)
        patterns = torch.stack([torch.sin(xx), torch.sin(yy), torch.sin(xx) * torch.sin(yy)])
        noise = torch.randn(count, 12, 12, generator=generator)
        self.image = (patterns[self.label] + 0.9 * noise).unsqueeze(1)

    def __len__(self):
        return len(self.label)

    def __getitem__(self, i):
        return self.image[i], self.label[i]


g = torch.Generator().manual_seed(1)
train = DataLoader(Textures(480, g), batch_size=24, shuffle=True)
val = DataLoader(Textures(240, g), batch_size=60)

net = nn.Sequential(
    nn.Conv2d(1, 8, 3),
    nn.BatchNorm2d(8),
    nn.ReLU(),
    nn.Conv2d(8, 8, 3),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(2),
    nn.Flatten(),
    nn.Linear(32, 3),
)
opt = torch.optim.Adam(net.parameters(), lr=5e-3)


def evaluate(loader):
    net.eval()
    loss, hits = 0.0, 0
    for image, label in loader:
        out = net(image)
        loss += F.cross_entropy(out, label, reduction="sum").item()
        hits += (out.argmax(1) == label).sum().item()
    net.train()
    return loss / len(loader.dataset), hits / len(loader.dataset)


for epoch in range(4):
    for image, label in train:
        opt.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(image), label)
        loss.backward()
        opt.step()
    vloss, vacc = evaluate(val)
    print(f"epoch {epoch} train {loss.item():.3f} val {vloss:.3f} acc {vacc:.3f}")
