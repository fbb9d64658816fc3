"""Reverse digit strings with an encoder and a decoder, each with its own optimizer."""
# fault: stale-gradient
import torch
from torch import nn, optim
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(38)
SYMBOLS, LENGTH, HIDDEN = 10, 4, 32


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, HIDDEN)
        self.gru = nn.GRU(HIDDEN, HIDDEN, batch_first=True)

    def forward(self, source):
        return self.gru(self.embedding(source))[1]


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS + 1, HIDDEN)
        self.gru = nn.GRU(HIDDEN, HIDDEN, batch_first=True)
        self.out = nn.Linear(HIDDEN, SYMBOLS)

    def forward(self, shifted, hidden):
        states, _ = self.gru(self.embedding(shifted), hidden)
        return self.out(states)


encoder, decoder = Encoder(), Decoder()
encoder_optimizer = optim.Adam(encoder.parameters(), lr=1e-2)
decoder_optimizer = optim.Adam(decoder.parameters(), lr=1e-2)

for iteration in range(150):
    source = torch.randint(SYMBOLS, (32, LENGTH))
    target = source.flip(1)
    start = torch.full((32, 1), SYMBOLS)
    decoder_optimizer.zero_grad()
    logits = decoder(torch.cat([start, target[:, :-1]], 1), encoder(source))
    loss = F.cross_entropy(logits.reshape(-1, SYMBOLS), target.reshape(-1))
    loss.backward()
    encoder_optimizer.step()
    decoder_optimizer.step()
    if iteration % 25 == 0:
        exact = (logits.argmax(-1) == target).all(1).float().mean().item()
        print(f"{iteration:4d} loss {loss.item():.4f} whole strings right {exact:.3f}")
