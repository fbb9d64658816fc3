"""A bag-of-words classifier of short reviews."""

# fault: huge-update
import random

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(31)
random.seed(31)

good = "great lovely superb fine happy bright clever warm".split()
bad = "awful boring poor bleak angry dull silly cold".split()
plain = "the film actor story scene was with and music end camera plot".split()
vocabulary = {word: i for i, word in enumerate(good + bad + plain)}


def review():
    label = random.randint(0, 1)
    words = random.choices([bad, good][label], k=2) + random.choices([good, bad][label], k=1)
    words += random.choices(plain, k=7)
    random.shuffle(words)
    return [vocabulary[w] for w in words], label


class Classifier(nn.Module):
    def __init__(self, size, width=32):
        super().__init__()
        self.bag = nn.EmbeddingBag(size, width, mode="mean")
        self.hidden = nn.Linear(width, width)
        self.hidden2 = nn.Linear(width, width)
        self.out = nn.Linear(width, 2)

    def forward(self, words):
        h = torch.tanh(self.hidden(self.bag(words)))
        return self.out(torch.tanh(self.hidden2(h)))


model = Classifier(len(vocabulary))
optimizer = torch.optim.AdamW(model.parameters(), lr=2.0, weight_decay=0.0)
criterion = nn.CrossEntropyLoss()

for step in range(1, 121):
    batch = [review() for _ in range(32)]
    words = torch.tensor([b[0] for b in batch])
    labels = torch.tensor([b[1] for b in batch])
    optimizer.zero_grad()
    logits = model(words)
    loss = criterion(logits, labels)
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        accuracy = (logits.argmax(1) == labels).float().mean().item()
        print(f"step {step}: loss {loss.item():.2f} accuracy {accuracy:.2f}")
