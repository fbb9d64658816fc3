"""Trains a small transformer encoder on the sentiment of toy sentences."""
# fault: restless-evaluation

import random

import torch
from torch import Tensor, nn
from torch.nn import functional as F

random.seed(4)
torch.manual_seed(4)
torch.set_num_threads(1)

GOOD = "fine great lovely bright warm".split()
BAD = "dull awful gloomy cold broken".split()
REST = "the film a day this was really quite and story house".split()
VOCAB = {word: i for i, word in enumerate(GOOD + BAD + REST)}


def sentence(length: int = 8) -> tuple[list[int], int]:
    label = random.randrange(2)
    words = random.choices(REST, k=length - 2) + random.choices(GOOD if label else BAD, k=2)
    random.shuffle(words)
    return [VOCAB[w] for w in words], label


def corpus(n: int) -> tuple[Tensor, Tensor]:
    rows = [sentence() for _ in range(n)]
    return torch.tensor([r for r, _ in rows]), torch.tensor([label for _, label in rows])


class Layer(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.mix = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, d)
        return x + F.dropout(self.mix(y), p=0.4)


class Reader(nn.Module):
    def __init__(self, dim: int = 32) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(VOCAB), dim)
        self.layers = nn.ModuleList([Layer(dim, 4) for _ in range(2)])
        self.head = nn.Linear(dim, 2)

    def forward(self, ids: Tensor) -> Tensor:
        x = F.dropout(self.embed(ids), p=0.4)
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(1))


train_x, train_y = corpus(640)
test_x, test_y = corpus(200)
model = Reader()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(3):
    model.train()
    for rows in torch.randperm(len(train_x)).split(32):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(train_x[rows]), train_y[rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        losses = [F.cross_entropy(model(test_x), test_y).item() for _ in range(2)]
    print(f"epoch {epoch}: train {loss.item():.3f} test", [round(v, 4) for v in losses])
