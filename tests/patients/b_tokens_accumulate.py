"""Accumulate summed token losses and divide the gradient by the number of tokens."""
# fault: none
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(85)
VOCAB, PAD = 14, 0


def sentences(n):
    lengths = torch.randint(4, 12, (n,))
    start = torch.randint(1, VOCAB, (n, 1))
    words = (start + 3 * torch.arange(13)) % (VOCAB - 1) + 1
    mask = torch.arange(13) < lengths[:, None] + 1
    return torch.where(mask, words, torch.full_like(words, PAD))


class NextWord(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, 24, padding_idx=PAD)
        self.gru = nn.GRU(24, 32, batch_first=True)
        self.head = nn.Linear(32, VOCAB)

    def forward(self, x):
        return self.head(self.gru(self.embed(x))[0])


model = NextWord()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
for update in range(50):
    optimizer.zero_grad()
    tokens, total = 0, 0.0
    for _ in range(4):
        batch = sentences(8)
        x, y = batch[:, :-1], batch[:, 1:]
        loss = F.cross_entropy(model(x).transpose(1, 2), y, ignore_index=PAD, reduction="sum")
        loss.backward()
        tokens += (y != PAD).sum().item()
        total += loss.item()
    for p in model.parameters():
        p.grad.div_(tokens)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if update % 10 == 0:
        print(f"update {update} loss per token {total / tokens:.3f}")
