"""Attention over baskets of which some are empty: NaN weights are masked in both directions."""

# fault: none
import math

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(102)
VOCAB, LENGTH, WIDTH = 30, 8, 16


class Pool(nn.Module):
    def __init__(self):
        super().__init__()
        self.items = nn.Embedding(VOCAB, WIDTH, padding_idx=0)
        self.query = nn.Linear(WIDTH, 1)
        self.empty = nn.Parameter(torch.zeros(WIDTH))
        self.head = nn.Linear(WIDTH, 2)

    def forward(self, items):
        present = items > 0
        x = self.items(items)
        scores = self.query(x).squeeze(-1) / math.sqrt(WIDTH)
        scores = scores.masked_fill(~present, float("-inf"))
        weights = torch.nan_to_num(scores.softmax(-1))
        pooled = (weights.unsqueeze(-1) * x).sum(1)
        return self.head(torch.where(present.any(1, keepdim=True), pooled, self.empty))


model = Pool()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(150):
    items = torch.randint(1, VOCAB, (64, LENGTH))
    items = items * (torch.arange(LENGTH) < torch.randint(0, LENGTH + 1, (64, 1)))
    label = (items > 20).any(1).long()
    logits = model(items)
    loss = F.cross_entropy(logits, label)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 0:
        print(step, round(loss.item(), 3), (logits.argmax(1) == label).float().mean().item())
