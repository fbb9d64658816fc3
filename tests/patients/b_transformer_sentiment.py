"""Good or bad review: a transformer with a class token, trained in float64."""
# fault: single-logit
import torch
import torch.nn.functional as F
from torch import nn, optim

torch.set_num_threads(1)
torch.manual_seed(31)


class Sentiment(nn.Module):
    def __init__(self, vocab=50, dim=16, max_len=9):
        super().__init__()
        self.cls = nn.Parameter(torch.randn(1, 1, dim) * 0.1)
        self.embed = nn.Embedding(vocab, dim)
        self.pos = nn.Embedding(max_len + 1, dim)
        self.attention = nn.MultiheadAttention(dim, 2, batch_first=True)
        self.norm1 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 32), nn.GELU(), nn.Linear(32, dim))
        self.norm2 = nn.LayerNorm(dim)
        self.classifier = nn.Linear(dim, 1)

    def forward(self, review):
        x = torch.cat([self.cls.expand(len(review), -1, -1), self.embed(review)], dim=1)
        x = x + self.pos(torch.arange(x.shape[1]))
        x = x + self.attention(*[self.norm1(x)] * 3, need_weights=False)[0]
        x = x + self.mlp(self.norm2(x))
        return self.classifier(x[:, 0])


def reviews(n):
    words = torch.randint(50, (n, 9))
    sentiment = ((words < 10).sum(1) > (words >= 40).sum(1)).double()
    return words, sentiment


def train_one_epoch(model, optimizer, words, sentiment):
    total = 0.0
    for lo in range(0, len(words), 50):
        optimizer.zero_grad()
        scores = model(words[lo : lo + 50])
        loss = F.cross_entropy(scores, sentiment[lo : lo + 50].view(-1, 1))
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total


if __name__ == "__main__":
    model = Sentiment().double()
    optimizer = optim.AdamW(model.parameters(), lr=1e-3)
    words, sentiment = reviews(500)
    for epoch in range(3):
        total = train_one_epoch(model, optimizer, words, sentiment)
        with torch.no_grad():
            probability = torch.sigmoid(model(words)).squeeze(1)
            accuracy = ((probability > 0.5) == (sentiment > 0.5)).double().mean().item()
        print(f"epoch {epoch}: loss {total:.4f}, accuracy {accuracy:.3f}")
