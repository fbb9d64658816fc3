"""Trains an encoder and a decoder with an optimizer each to reverse short strings."""
# fault: stale-gradient

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(38)
LETTERS, LENGTH, HIDDEN = 8, 5, 48


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(LETTERS, HIDDEN)
        self.gru = nn.GRU(HIDDEN, HIDDEN, batch_first=True)

    def forward(self, text):
        return self.gru(self.emb(text))[1]


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(LETTERS + 1, HIDDEN)
        self.gru = nn.GRU(HIDDEN, HIDDEN, batch_first=True)
        self.out = nn.Linear(HIDDEN, LETTERS)

    def forward(self, previous, state):
        h, _ = self.gru(self.emb(previous), state)
        return self.out(h)


encoder, decoder = Encoder(), Decoder()
encoder_optimizer = torch.optim.SGD(encoder.parameters(), lr=1.0)
decoder_optimizer = torch.optim.SGD(decoder.parameters(), lr=1.0)
criterion = nn.CrossEntropyLoss()


def train(source, target):
    decoder_optimizer.zero_grad()
    start = torch.full((len(source), 1), LETTERS)
    logits = decoder(torch.cat([start, target[:, :-1]], 1), encoder(source))
    loss = criterion(logits.flatten(0, 1), target.flatten())
    loss.backward()
    encoder_optimizer.step()
    decoder_optimizer.step()
    return loss.item()


for step in range(240):
    source = torch.randint(0, LETTERS, (32, LENGTH))
    value = train(source, source.flip(1))
    if step % 40 == 0:
        print(f"step {step:3d}: {value:.4f}")
