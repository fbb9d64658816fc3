"""Segments bright blobs in toy images with a tiny convolutional network."""
# fault: swapped-arguments

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(45)

axis = torch.arange(16.0)
yy, xx = torch.meshgrid(axis, axis, indexing="ij")


def scenes(n):
    cy, cx = 4 + 8 * torch.rand(2, n, 1, 1)
    radius = 2 + 2 * torch.rand(n, 1, 1)
    mask = ((yy - cy) ** 2 + (xx - cx) ** 2 < radius**2).float().unsqueeze(1)
    return 0.8 * mask + 0.3 * torch.randn(n, 1, 16, 16), mask


net = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.Conv2d(8, 8, 3, padding=1),
    nn.ReLU(),
    nn.Conv2d(8, 1, 1),
)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)

for step in range(120):
    image, mask = scenes(16)
    logits = net(image)
    loss = F.binary_cross_entropy_with_logits(mask, torch.sigmoid(logits))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 29:
        guess = logits > 0
        both = (guess & (mask > 0)).sum()
        either = (guess | (mask > 0)).sum()
        print(f"{step + 1}: loss {loss.item():.4f} iou {(both / either).item():.3f}")
