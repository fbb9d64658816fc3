"""Tags toy sentences with a recurrent network, with validation after each epoch."""
# fault: restless-evaluation

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(27)

VOCAB, TAGS, LENGTH = 40, 5, 12


def corpus(n):
    words = torch.randint(0, VOCAB, (n, LENGTH))
    before = torch.roll(words, 1, dims=1)
    before[:, 0] = 0
    return words, (words + (before % 2)) % TAGS


class Tagger(nn.Module):
    def __init__(self, dim=32, hidden=48, p=0.4):
        super().__init__()
        self.p = p
        self.emb = nn.Embedding(VOCAB, dim)
        self.rnn = nn.GRU(dim, hidden, batch_first=True)
        self.out = nn.Linear(hidden, TAGS)

    def forward(self, words):
        h = F.dropout(self.emb(words), p=0.1)
        h, _ = self.rnn(h)
        return self.out(F.dropout(h, p=self.p))


model = Tagger()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
words, tags = corpus(600)
val_words, val_tags = corpus(200)

for epoch in range(6):
    model.train()
    for idx in torch.randperm(600).split(30):
        logits = model(words[idx])
        loss = F.cross_entropy(logits.flatten(0, 1), tags[idx].flatten())
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()

    model.eval()
    with torch.no_grad():
        first = model(val_words).argmax(-1)
    print(f"epoch {epoch}: {loss.item():.3f} val acc {(first == val_tags).float().mean():.4f}")
