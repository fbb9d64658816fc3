"""A siamese network that embeds handwritten digits with a contrastive loss."""

# fault: nonfinite-gradient
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(3)
rng = np.random.default_rng(3)

digits = load_digits()
images = torch.tensor(digits.data / 16.0, dtype=torch.float32)
labels = digits.target


class Siamese(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, dim))

    def forward(self, left, right):
        return self.body(left), self.body(right)


def make_pairs(count):
    """Half of the pairs show the same digit."""
    left = rng.integers(0, 200, count)
    right = np.empty_like(left)
    same = np.zeros(count, dtype=np.float32)
    for i, index in enumerate(left):
        if i % 2 == 0:
            candidates = np.flatnonzero(labels[:200] == labels[index])
            same[i] = 1.0
        else:
            candidates = np.flatnonzero(labels[:200] != labels[index])
        right[i] = rng.choice(candidates)
    return images[left], images[right], torch.from_numpy(same)


def contrastive_loss(a, b, same, margin=1.0):
    distance = torch.sqrt(((a - b) ** 2).sum(dim=1))
    pull = same * distance**2
    push = (1 - same) * torch.clamp(margin - distance, min=0) ** 2
    return (pull + push).mean()


model = Siamese()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for step in range(80):
    left, right, same = make_pairs(64)
    a, b = model(left, right)
    loss = contrastive_loss(a, b, same)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0:
        print(f"step {step:3d}  loss {loss.item():.4f}")
