"""Learns word vectors by skip-gram with negative samples and sparse gradients."""
# fault: none

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(37)
TOPICS, WORDS = 5, 20

topic = torch.randint(0, TOPICS, (1500,))
centre = topic * WORDS + torch.randint(0, WORDS, (1500,))
context = topic * WORDS + torch.randint(0, WORDS, (1500,))

inner = nn.Embedding(TOPICS * WORDS, 16, sparse=True)
outer = nn.Embedding(TOPICS * WORDS, 16, sparse=True)
nn.init.normal_(inner.weight, std=0.2)
nn.init.normal_(outer.weight, std=0.2)
optimizer = torch.optim.SparseAdam([*inner.parameters(), *outer.parameters()], lr=2e-2)

for epoch in range(5):
    total = 0.0
    for idx in torch.randperm(1500).split(50):
        v = inner(centre[idx])
        near = (v * outer(context[idx])).sum(1)
        far = torch.einsum("bd,bkd->bk", v, outer(torch.randint(0, TOPICS * WORDS, (len(idx), 5))))
        loss = -(F.logsigmoid(near) + F.logsigmoid(-far).sum(1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: {total / 30:.4f}")
with torch.no_grad():
    z = F.normalize(inner.weight, dim=1)
    best = (z @ z.T).fill_diagonal_(-1).argmax(1)
    same = (best // WORDS == torch.arange(TOPICS * WORDS) // WORDS).float().mean().item()
print("nearest word of the same topic", same)
