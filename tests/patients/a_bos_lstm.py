"""An LSTM sentiment model over token ids that begin with a start token."""
# fault: collapsed-output

import random

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(20)
random.seed(20)

WORDS = ["<bos>", "<eos>", "good", "bad", "not", "film", "the", "was", "very", "a", "plot"]
INDEX = {w: i for i, w in enumerate(WORDS)}


def sentence():
    positive = random.random() < 0.5
    body = random.choices(["film", "the", "was", "very", "a", "plot"], k=6)
    body.insert(random.randrange(6), "good" if positive else "bad")
    ids = [INDEX[w] for w in ["<bos>", *body, "<eos>"]]
    return ids, float(positive)


def batch(n):
    rows = [sentence() for _ in range(n)]
    return torch.tensor([r[0] for r in rows]), torch.tensor([r[1] for r in rows])


class Sentiment(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(len(WORDS), 16)
        self.lstm = nn.LSTM(16, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, ids):
        output, _ = self.lstm(self.embedding(ids))
        return self.fc(output[:, 0]).squeeze(-1)


model = Sentiment()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
loss_fn = nn.BCEWithLogitsLoss()
running = 0.0
for step in range(1, 161):
    ids, label = batch(32)
    loss = loss_fn(model(ids), label)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    running += loss.item()
    if step % 40 == 0:
        with torch.no_grad():
            ids, label = batch(200)
            accuracy = ((model(ids) > 0).float() == label).float().mean().item()
        print(f"step {step}: loss {running / 40:.4f} accuracy {accuracy:.3f}")
        running = 0.0
