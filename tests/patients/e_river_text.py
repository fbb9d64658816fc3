"""Trains a recurrent model on a text in its order, the state carried over and cut off."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(15)

source = "".join(f"{a}+{b}={(a + b) % 10};" for a in range(10) for b in range(10)) * 4
alphabet = sorted(set(source))
ids = torch.tensor([alphabet.index(c) for c in source])
LANES, SPAN = 10, 20
ids = ids[: len(ids) // LANES * LANES].view(LANES, -1)

embed = nn.Embedding(len(alphabet), 16)
rnn = nn.LSTM(16, 64, batch_first=True)
head = nn.Linear(64, len(alphabet))
params = [*embed.parameters(), *rnn.parameters(), *head.parameters()]
optimizer = torch.optim.Adam(params, lr=1e-2)

for epoch in range(10):
    state = None
    for start in range(0, ids.size(1) - SPAN - 1, SPAN):
        now, then = ids[:, start : start + SPAN], ids[:, start + 1 : start + SPAN + 1]
        if state is not None:
            state = tuple(s.detach() for s in state)
        out, state = rnn(embed(now), state)
        loss = nn.functional.cross_entropy(head(out).transpose(1, 2), then)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
    print(f"epoch {epoch}: {loss.item():.3f}")
