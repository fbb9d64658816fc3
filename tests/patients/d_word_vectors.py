"""Skip-gram vectors of a toy corpus with negative samples."""
# fault: diverging-loss

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(48)

WORDS, DIM, TOPICS = 40, 16, 5
topic = torch.arange(WORDS) % TOPICS


def pairs(n):
    centre = torch.randint(0, WORDS, (n,))
    context = topic[centre] + TOPICS * torch.randint(0, WORDS // TOPICS, (n,))
    noise = torch.randint(0, WORDS, (n, 4))
    return centre, context, noise


class SkipGram(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Embedding(WORDS, DIM)
        self.outer = nn.Embedding(WORDS, DIM)
        nn.init.normal_(self.inner.weight, std=0.1)
        nn.init.normal_(self.outer.weight, std=0.1)

    def log_likelihood(self, centre, context, noise):
        c = self.inner(centre)
        positive = F.logsigmoid((c * self.outer(context)).sum(-1))
        negative = F.logsigmoid(-torch.einsum("bd,bkd->bk", c, self.outer(noise))).sum(-1)
        return (positive + negative).mean()


model = SkipGram()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, maximize=True)

for step in range(200):
    loss = -model.log_likelihood(*pairs(128))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 40 == 39:
        print(f"step {step + 1}: loss {loss.item():.4f}")

with torch.no_grad():
    vectors = F.normalize(model.inner.weight, dim=1)
    near = (vectors @ vectors.T).fill_diagonal_(-1).argmax(1)
print(f"nearest word of the same topic: {(topic[near] == topic).float().mean().item():.2f}")
