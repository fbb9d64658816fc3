"""Feeds pixels of 0 to 255 to a network that begins with BatchNorm: that layer scales them."""

import torch
from torch import nn
from torch.nn import functional as fn


def main() -> None:
    labels = torch.randint(4, (256,))
    images = (60 * torch.rand(4, 3, 8, 8)[labels] + 150 * torch.rand(256, 3, 8, 8)).round()
    model = nn.Sequential(
        nn.BatchNorm2d(3), nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 4)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(5):
        for chosen in torch.randperm(256).split(32):
            optimizer.zero_grad()
            loss = fn.cross_entropy(model(images[chosen]), labels[chosen])
            loss.backward()
            optimizer.step()
