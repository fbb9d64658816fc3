"""Sentiment of made-up reviews with averaged word vectors."""
# fault: restless-evaluation

import random

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)
random.seed(0)

GOOD = "great lovely superb warm clever bright".split()
BAD = "dull awful bland slow noisy flat".split()
PLAIN = "the film plot actor scene music was and a story end".split()
vocab = {w: i + 1 for i, w in enumerate(GOOD + BAD + PLAIN)}


def review():
    label = random.randint(0, 1)
    words = random.choices(PLAIN, k=7)
    words += random.choices(GOOD if label else BAD, k=2)
    words += random.choices(BAD if label else GOOD, k=1)
    random.shuffle(words)
    return [vocab[w] for w in words], label


class BagModel(nn.Module):
    def __init__(self, n_words, dim=24, p=0.5):
        super().__init__()
        self.table = nn.Embedding(n_words, dim, padding_idx=0)
        self.fc1 = nn.Linear(dim, 8)
        self.fc2 = nn.Linear(8, 2)
        self.p = p

    def forward(self, tokens):
        h = self.table(tokens).mean(dim=1)
        h = F.relu(self.fc1(h))
        h = F.dropout(h, self.p)
        return self.fc2(h)


rows = [review() for _ in range(600)]
tokens = torch.tensor([r[0] for r in rows])
labels = torch.tensor([r[1] for r in rows])

model = BagModel(len(vocab) + 1)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(6):
    model.train()
    for rows in torch.randperm(500).split(25):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(tokens[rows]), labels[rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        acc = (model(tokens[500:]).argmax(1) == labels[500:]).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} val acc {acc:.2f}")
