"""Learns an embedding of digits from the matrix of distances inside a batch."""
# fault: nonfinite-gradient

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(36)

digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)


def pairwise(z):
    difference = z.unsqueeze(0) - z.unsqueeze(1)
    return torch.sqrt((difference**2).sum(-1))


def pull_and_push(z, label, margin=2.0):
    d = pairwise(z)
    same = (label[:, None] == label[None, :]).float()
    return (same * d + (1 - same) * torch.relu(margin - d)).mean()


net = nn.Sequential(nn.Linear(64, 64), nn.SELU(), nn.Linear(64, 6))
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
for step in range(40):
    idx = torch.randint(0, len(x), (40,))
    loss = pull_and_push(net(x[idx]), y[idx])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step < 3 or step % 10 == 0:
        print(step, loss.item())
