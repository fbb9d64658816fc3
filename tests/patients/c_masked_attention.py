"""A little attention model that classifies baskets of items of different length."""

# fault: nonfinite-gradient
import math

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
gen = torch.Generator().manual_seed(5)
torch.manual_seed(5)

VOCAB, LENGTH, WIDTH = 40, 12, 24


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x, present):
        scores = self.q(x) @ self.k(x).transpose(1, 2) / math.sqrt(x.size(-1))
        bias = torch.zeros(present.shape).masked_fill(~present, float("-inf"))
        scores = scores + bias[:, None, :]
        weights = torch.softmax(scores, dim=-1)
        weights = torch.nan_to_num(weights)
        return self.out(weights @ self.v(x))


class Basket(nn.Module):
    def __init__(self):
        super().__init__()
        self.items = nn.Embedding(VOCAB, WIDTH, padding_idx=0)
        self.attention = Attention(WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, 2)

    def forward(self, items):
        present = items > 0
        x = self.items(items)
        x = self.norm(x + self.attention(x, present))
        total = (x * present[:, :, None]).sum(1)
        return self.head(total / present.sum(1, keepdim=True).clamp(min=1))


def batch(size):
    items = torch.randint(1, VOCAB, (size, LENGTH), generator=gen)
    lengths = torch.randint(0, LENGTH + 1, (size, 1), generator=gen)
    items = items * (torch.arange(LENGTH) < lengths)
    bought = (items > 30).sum(1) >= 2
    return items, bought.long()


def main():
    model = Basket()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    model.train()
    for step in range(1, 61):
        items, bought = batch(48)
        loss = F.cross_entropy(model(items), bought)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if step % 20 == 1:
            print(step, round(loss.item(), 4))


if __name__ == "__main__":
    main()
