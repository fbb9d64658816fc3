"""Trains a transformer on toy sums with a warm-up from nothing and a decay back to nothing."""
# fault: none

import math

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(21)
STEPS, WARM = 180, 20


def factor(step):
    if step < WARM:
        return step / WARM
    return 0.5 * (1 + math.cos(math.pi * (step - WARM) / (STEPS - WARM)))


class Summer(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.emb = nn.Embedding(4, width)
        self.enc = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True)
        self.out = nn.Linear(width, 13)

    def forward(self, digits):
        return self.out(self.enc(self.emb(digits)).sum(1))


net = Summer()
optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=0.01)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
for step in range(STEPS):
    digits = torch.randint(0, 4, (48, 4))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = net(digits)
        loss = F.cross_entropy(logits, digits.sum(1))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    if step % 30 == 29:
        print(f"{step + 1}: rate {scheduler.get_last_lr()[0]:.5f} loss {loss.item():.3f}")
