"""A sine-activated recurrent cell recalls a symbol over ever longer noisy sequences."""
# fault: exploding-gradient

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(33)

HIDDEN, SYMBOLS = 32, 4


def sequences(n, length):
    x = 0.2 * torch.randn(n, length, SYMBOLS)
    first = torch.randint(0, SYMBOLS, (n,))
    x[torch.arange(n), 0, first] += 1.5
    return x, first


class Echo(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Linear(SYMBOLS, HIDDEN)
        self.rec = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.out = nn.Linear(HIDDEN, SYMBOLS)
        nn.init.orthogonal_(self.rec.weight, gain=2.0)

    def forward(self, x):
        h = x.new_zeros(len(x), HIDDEN)
        for t in range(x.shape[1]):
            h = torch.sin(self.inp(x[:, t]) + self.rec(h))
        return self.out(h)


model = Echo()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for step in range(150):
    x, first = sequences(32, 2 + step // 3)
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), first)
    loss.backward()
    norm = sum(p.grad.square().sum() for p in model.parameters()).sqrt().item()
    optimizer.step()
    if step % 15 == 14:
        print(f"step {step + 1}: length {x.shape[1]} loss {loss.item():.3f} gradient {norm:.2e}")
