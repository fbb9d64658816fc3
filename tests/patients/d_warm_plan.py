"""A masked-token transformer on a toy grammar, with warm-up and decay of the rate."""
# fault: unstepped-schedule

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(46)

VOCAB, LENGTH, MASK = 12, 10, 11
TOTAL, WARMUP = 150, 15


def sentences(n):
    start = torch.randint(0, 10, (n, 1))
    stride = torch.randint(1, 4, (n, 1))
    return (start + stride * torch.arange(LENGTH)) % 10


class Filler(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, dim)
        self.pos = nn.Embedding(LENGTH, dim)
        layer = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.0, batch_first=True)
        self.body = nn.TransformerEncoder(layer, num_layers=1)
        self.out = nn.Linear(dim, VOCAB)

    def forward(self, tokens):
        return self.out(self.body(self.tok(tokens) + self.pos.weight))


def plan(step):
    if step < WARMUP:
        return (step + 1) / WARMUP
    return max(0.02, (TOTAL - step) / (TOTAL - WARMUP))


model = Filler()
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, plan)

for step in range(TOTAL):
    truth = sentences(32)
    hidden = torch.rand(truth.shape) < 0.2
    hidden[:, 4] = True
    logits = model(truth.masked_fill(hidden, MASK))
    loss = nn.functional.cross_entropy(logits[hidden], truth[hidden])
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 30 == 29:
        acc = (logits[hidden].argmax(-1) == truth[hidden]).float().mean().item()
        print(f"step {step + 1}: loss {loss.item():.3f} masked accuracy {acc:.3f}")
