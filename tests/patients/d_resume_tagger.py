"""Resume a little sequence tagger from a checkpoint and fine-tune all of it."""
# fault: eval-mode-training

import tempfile
from pathlib import Path

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(9)

VOCAB, TAGS, LENGTH = 20, 3, 12


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, 16)
        self.rnn = nn.GRU(16, 24, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(48, TAGS)

    def forward(self, tokens):
        hidden, _ = self.rnn(self.drop(self.embed(tokens)))
        return self.out(self.drop(hidden))


def make_batch(n, shift):
    tokens = torch.randint(0, VOCAB, (n, LENGTH))
    before = torch.roll(tokens, 1, dims=1)
    before[:, 0] = 0
    return tokens, (tokens + before + shift) % TAGS


def train(model, steps, lr, shift):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for step in range(steps):
        tokens, tags = make_batch(32, shift)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(tokens).transpose(1, 2), tags)
        loss.backward()
        optimizer.step()
        if step % 20 == 19:
            print(f"  step {step + 1}: {loss.item():.3f}")


def load_tagger(path):
    model = Tagger()
    model.load_state_dict(torch.load(path))
    model.eval()
    return model


with tempfile.TemporaryDirectory() as folder:
    checkpoint = Path(folder) / "tagger.pt"
    base = Tagger()
    print("pre-training")
    train(base, 60, 1e-2, shift=0)
    torch.save(base.state_dict(), checkpoint)

    tagger = load_tagger(checkpoint)
    print("fine-tuning")
    train(tagger, 60, 5e-3, shift=1)

tagger.eval()
with torch.no_grad():
    tokens, tags = make_batch(256, 1)
    print("accuracy", (tagger(tokens).argmax(-1) == tags).float().mean().item())
