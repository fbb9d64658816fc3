"""A recurrent cell by hand recalls the first symbol of a long noisy sequence."""
# fault: exploding-gradient

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(33)

LENGTH, HIDDEN = 40, 32


def sequences(n):
    x = 0.3 * torch.randn(n, LENGTH, 4)
    first = torch.randint(0, 4, (n,))
    x[torch.arange(n), 0, first] += 2.0
    return x, first


class Echo(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Linear(4, HIDDEN)
        self.rec = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.out = nn.Linear(HIDDEN, 4)
        nn.init.eye_(self.rec.weight)

    def forward(self, x):
        h = x.new_zeros(len(x), HIDDEN)
        for t in range(x.shape[1]):
            h = torch.relu(self.inp(x[:, t]) + self.rec(h))
        return self.out(h)


model = Echo()
optimizer = torch.optim.SGD(model.parameters(), lr=0.03)

for step in range(100):
    x, first = sequences(32)
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), first)
    loss.backward()
    norm = sum(p.grad.square().sum() for p in model.parameters()).sqrt().item()
    optimizer.step()
    if step % 10 == 0:
        print(f"step {step}: loss {loss.item():.3f} gradient {norm:.2e}")
