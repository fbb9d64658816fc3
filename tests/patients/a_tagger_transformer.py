"""A small transformer that tags tokens, with an evaluation before training as the baseline."""
# fault: eval-mode-training

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(12)

VOCAB, TAGS, LENGTH = 40, 5, 12


def corpus(n):
    tokens = torch.randint(1, VOCAB, (n, LENGTH))
    previous = torch.cat([torch.zeros(n, 1, dtype=torch.long), tokens[:, :-1]], 1)
    return TensorDataset(tokens, (tokens + previous % 2) % TAGS)


class Tagger(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.token = nn.Embedding(VOCAB, width)
        self.place = nn.Parameter(0.02 * torch.randn(LENGTH, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.2, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, TAGS)

    def forward(self, tokens):
        return self.head(self.encoder(self.token(tokens) + self.place))


@torch.no_grad()
def accuracy(model, loader):
    model.eval()
    right = total = 0
    for tokens, tags in loader:
        right += (model(tokens).argmax(-1) == tags).sum().item()
        total += tags.numel()
    return right / total


def train(model, loader, epochs, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for epoch in range(epochs):
        for tokens, tags in loader:
            logits = model(tokens)
            loss = F.cross_entropy(logits.reshape(-1, TAGS), tags.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}")


train_loader = DataLoader(corpus(512), batch_size=32, shuffle=True)
test_loader = DataLoader(corpus(128), batch_size=64)
model = Tagger()
print(f"before training: {accuracy(model, test_loader):.3f}")
train(model, train_loader, epochs=4, lr=3e-3)
print(f"after training: {accuracy(model, test_loader):.3f}")
