"""A detection-style head scores anchors, trained with the focal loss."""
# fault: dead-units

import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(4)

PRIOR = 0.01


def init_head(module):
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.05)
        nn.init.constant_(module.bias, -math.log((1 - PRIOR) / PRIOR))


def focal_loss(logits, targets, gamma=2.0, alpha=0.75):
    ce = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    p = torch.sigmoid(logits)
    p_t = targets * p + (1 - targets) * (1 - p)
    a_t = targets * alpha + (1 - targets) * (1 - alpha)
    return (a_t * (1 - p_t) ** gamma * ce).mean()


def anchors(n):
    feats = torch.randn(n, 16)
    score = feats[:, :4].sum(1) + 0.8 * feats[:, 4] * feats[:, 5]
    return feats, (score > 2.5).float()


head = nn.Sequential(
    nn.Linear(16, 64),
    nn.ReLU(),
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Linear(64, 1),
)
head.apply(init_head)
optimizer = torch.optim.SGD(head.parameters(), lr=0.05, momentum=0.9)

for step in range(150):
    feats, objects = anchors(256)
    optimizer.zero_grad()
    loss = focal_loss(head(feats).squeeze(-1), objects)
    loss.backward()
    optimizer.step()
    if step % 30 == 0:
        print(f"step {step:3d} focal loss {loss.item():.4f}")

head.eval()
with torch.no_grad():
    feats, objects = anchors(2000)
    scores = head(feats).squeeze(-1)
    top = scores.topk(int(objects.sum().item())).indices
    print(f"precision at k: {objects[top].mean().item():.3f} (base {objects.mean().item():.3f})")
