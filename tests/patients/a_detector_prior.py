"""A convolutional detector of rare blobs with a prior for rare positives in its initialisation."""
# fault: dead-units

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(0)


def scenes(n):
    images = 0.3 * torch.randn(n, 1, 16, 16).abs()
    present = (torch.rand(n) < 0.3).float()
    for i in torch.nonzero(present).flatten():
        r, c = torch.randint(2, 12, (2,))
        images[i, 0, r : r + 3, c : c + 3] += 1.0
    return images, present


class Detector(nn.Module):
    def __init__(self, prior=0.01):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 12, 3, padding=1)
        self.score = nn.Linear(12, 1)
        bias = -math.log((1 - prior) / prior)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(module.weight, std=0.05)
                nn.init.constant_(module.bias, bias)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.score(x.amax(dim=(2, 3))).squeeze(1)


images, present = scenes(400)
model = Detector()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(5):
    total = 0.0
    for rows in torch.randperm(400).split(40):
        logits = model(images[rows])
        loss = F.binary_cross_entropy_with_logits(logits, present[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch + 1}: loss {total / 10:.4f}")
