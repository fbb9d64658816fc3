"""An embedding-bag classifier of positive and negative reviews."""
# fault: sorted-batches

import random

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(2)
random.seed(2)

GOOD = "great lovely superb moving brilliant fun warm".split()
BAD = "dull awful boring weak flat noisy cheap".split()
PLAIN = "the film a plot with actor scene and of it music was very in".split()
VOCAB = {w: i for i, w in enumerate(GOOD + BAD + PLAIN)}


def review(words):
    picked = (
        random.choices(PLAIN, k=9) + random.choices(words, k=2) + random.choices(GOOD + BAD, k=1)
    )
    random.shuffle(picked)
    return [VOCAB[w] for w in picked]


def load_split(n):
    positive = [(review(GOOD), 1) for _ in range(n // 2)]
    negative = [(review(BAD), 0) for _ in range(n // 2)]
    return positive + negative


def batch_iterator(samples, size):
    for i in range(0, len(samples), size):
        chunk = samples[i : i + size]
        ids = torch.tensor([s[0] for s in chunk])
        labels = torch.tensor([float(s[1]) for s in chunk])
        yield ids, labels


class BagClassifier(nn.Module):
    def __init__(self, vocab, dim=16):
        super().__init__()
        self.bag = nn.EmbeddingBag(vocab, dim, mode="mean")
        self.fc = nn.Linear(dim, 1)

    def forward(self, ids):
        return self.fc(self.bag(ids)).squeeze(-1)


def evaluate(model, samples):
    model.eval()
    right = 0
    with torch.no_grad():
        for ids, labels in batch_iterator(samples, 100):
            right += ((model(ids) > 0) == (labels > 0.5)).sum().item()
    return right / len(samples)


train, test = load_split(960), load_split(200)
model = BagClassifier(len(VOCAB))
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.3)
criterion = nn.BCEWithLogitsLoss()
for epoch in range(4):
    model.train()
    for ids, labels in batch_iterator(train, 32):
        optimizer.zero_grad()
        loss = criterion(model(ids), labels)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch + 1} | loss {loss.item():.4f} | test acc {evaluate(model, test):.3f}")
