"""Recall the first symbol of a sequence with a hand-written RNN; sequences grow as it trains."""

# fault: exploding-gradient
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(1)

B, H, K = 32, 64, 4


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Linear(K, H)
        self.rec = nn.Linear(H, H, bias=False)
        self.out = nn.Linear(H, K)
        nn.init.orthogonal_(self.rec.weight, gain=2.5)

    def forward(self, x):
        h = torch.zeros(x.shape[1], H)
        for x_t in x:
            h = torch.tanh(self.inp(x_t) + self.rec(h))
        return self.out(h)


model = Recurrent()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for step in range(160):
    length = 3 + step // 4
    symbols = torch.randint(0, K, (length, B))
    x = nn.functional.one_hot(symbols, K).float()
    loss = nn.functional.cross_entropy(model(x), symbols[0])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 9:
        norm = sum(p.grad.square().sum() for p in model.parameters()).sqrt()
        print(f"step {step} length {length} loss {loss.item():.3f} gradient {norm.item():.2e}")
