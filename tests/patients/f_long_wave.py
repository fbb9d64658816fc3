"""Truncated backpropagation through time on one long signal, the state carried over."""

# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

t = torch.arange(0, 1601).float()
signal = torch.stack([torch.sin(0.2 * t + p) * torch.cos(0.03 * t) for p in (0.0, 1.0, 2.0, 4.0)])
signal = signal.unsqueeze(2) + 0.02 * torch.randn(4, 1601, 1)

rnn = nn.GRU(1, 24, batch_first=True)
head = nn.Linear(24, 1)
optimizer = torch.optim.Adam([*rnn.parameters(), *head.parameters()], lr=1e-2)

for epoch in range(3):
    state = None
    total = 0.0
    for start in range(0, 1600, 40):
        x = signal[:, start : start + 40]
        y = signal[:, start + 1 : start + 41]
        if state is not None:
            state = state.detach()
        out, state = rnn(x, state)
        loss = nn.functional.mse_loss(head(out), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(rnn.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch} loss {total / 40:.5f}")
