"""Classifies toy product reviews by tone with a bag of convolutions over word embeddings."""
# fault: eval-mode-training

import random

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(2)
random.seed(2)

good = "great lovely solid bright sturdy cheap quick neat".split()
bad = "broken late ugly loud fragile dear slow dirty".split()
filler = "the box came with a cable and this thing was in my house for one week".split()
vocab = {w: i + 1 for i, w in enumerate(good + bad + filler)}


def review():
    tone = random.random() < 0.5
    words = random.choices(filler, k=9) + random.choices(good if tone else bad, k=2)
    words += random.choices(bad if tone else good, k=1)
    random.shuffle(words)
    return [vocab[w] for w in words], int(tone)


reviews = [review() for _ in range(700)]
ids = torch.tensor([r[0] for r in reviews])
tone = torch.tensor([r[1] for r in reviews])


class Tone(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(len(vocab) + 1, 24)
        self.drop = nn.Dropout(0.4)
        self.conv = nn.Conv1d(24, 32, 3, padding=1)
        self.norm = nn.BatchNorm1d(32)
        self.head = nn.Linear(32, 2)

    def forward(self, tokens):
        h = self.drop(self.emb(tokens)).transpose(1, 2)
        h = torch.relu(self.norm(self.conv(h))).amax(-1)
        return self.head(self.drop(h))


model = Tone()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loss_fn = nn.CrossEntropyLoss()


@torch.no_grad()
def validate():
    model.eval()
    return (model(ids[500:]).argmax(1) == tone[500:]).float().mean().item()


print(f"untrained: {validate():.3f}")
for epoch in range(5):
    for idx in torch.randperm(500).split(25):
        optimizer.zero_grad()
        loss = loss_fn(model(ids[idx]), tone[idx])
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f} val {validate():.3f}")
