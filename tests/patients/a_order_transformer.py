"""A transformer encoder that says which of two tokens came first, with early stopping."""
# fault: train-mode-evaluation

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(14)


def sample(n):
    seq = torch.randint(3, 20, (n, 10))
    places = torch.stack([torch.randperm(10)[:2] for _ in range(n)])
    seq.scatter_(1, places, torch.tensor([1, 2]).expand(n, 2))
    return seq, (places[:, 0] < places[:, 1]).long()


class Encoder(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.tok = nn.Embedding(20, d)
        self.pos = nn.Embedding(10, d)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(d, 4, 64, dropout=0.1, batch_first=True) for _ in range(2)
        )
        self.cls = nn.Linear(d, 2)

    def forward(self, ids):
        h = self.tok(ids) + self.pos(torch.arange(ids.size(1)))
        for layer in self.layers:
            h = layer(h)
        return self.cls(h.mean(1))


class EarlyStopping:
    def __init__(self, patience=3):
        self.patience, self.best, self.bad = patience, float("inf"), 0

    def __call__(self, value):
        self.bad = 0 if value < self.best else self.bad + 1
        self.best = min(self.best, value)
        return self.bad >= self.patience


model = Encoder()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
stopping = EarlyStopping()
val_ids, val_labels = sample(200)

for epoch in range(6):
    model.train()
    ids, labels = sample(400)
    for rows in torch.randperm(400).split(40):
        loss = F.cross_entropy(model(ids[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval
    with torch.no_grad():
        logits = model(val_ids)
        val_loss = F.cross_entropy(logits, val_labels).item()
        val_acc = (logits.argmax(1) == val_labels).float().mean().item()
    print(f"epoch {epoch}: train {loss.item():.3f} val {val_loss:.3f} acc {val_acc:.3f}")
    if stopping(val_loss):
        break
