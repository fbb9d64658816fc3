"""A language model over an endless stream of text in order, its state carried along."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(76)

text = "the cat sat on the mat and the dog sat on the log while the rat ran " * 20
letters = sorted(set(text))
stream = torch.tensor([letters.index(c) for c in text])
rows = 8
stream = stream[: len(stream) // rows * rows].view(rows, -1)


class StreamModel(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.embed = nn.Embedding(n, 24)
        self.rnn = nn.LSTM(24, 32, batch_first=True)
        self.out = nn.Linear(32, n)

    def forward(self, x, state):
        h, state = self.rnn(self.embed(x), state)
        return self.out(h), state


model = StreamModel(len(letters))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
span = 12

for epoch in range(8):
    state, total, count = None, 0.0, 0
    for start in range(0, stream.shape[1] - span, span):
        x = stream[:, start : start + span]
        y = stream[:, start + 1 : start + span + 1]
        if state is not None:
            state = tuple(s.detach() for s in state)
        logits, state = model(x, state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total, count = total + loss.item(), count + 1
    print(f"epoch {epoch}: {total / count:.4f} nats per letter")
