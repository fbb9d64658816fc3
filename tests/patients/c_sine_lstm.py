"""An LSTM that predicts the next value of a noisy sine, state carried over the chunks."""

# fault: retained-graph
import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(8)

series = torch.sin(torch.arange(0, 2001) * 2 * math.pi / 37) + 0.05 * torch.randn(2001)
streams = series[:2000].reshape(10, 200)
nexts = series[1:2001].reshape(10, 200)


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, x, state):
        out, state = self.lstm(x.unsqueeze(-1), state)
        return self.linear(out).squeeze(-1), state


model = Forecaster()
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(8):
    h = torch.zeros(1, 10, 32)
    c = torch.zeros(1, 10, 32)
    total = 0.0
    for start in range(0, 200, 20):
        h, c = h.detach(), c.detach()
        optimizer.zero_grad()
        prediction, (h, c) = model(streams[:, start : start + 20], (h, c))
        loss = loss_fn(prediction, nexts[:, start : start + 20])
        loss.backward(retain_graph=True)
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: mse {total / 10:.5f}")
