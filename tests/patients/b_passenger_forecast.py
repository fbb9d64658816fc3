"""Forecast monthly passengers (in thousands) with a GRU."""
# fault: unreachable-target
import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(26)
WINDOW = 12


class PassengerGRU(nn.Module):
    def __init__(self, hidden_size=16):
        super().__init__()
        self.gru = nn.GRU(input_size=1, hidden_size=hidden_size)
        self.linear = nn.Linear(hidden_size, 1)

    def forward(self, sequence):
        _, last = self.gru(sequence)
        return torch.sigmoid(self.linear(last[-1]))


months = torch.arange(180).float()
series = 1.5 + 0.008 * months + 0.4 * torch.sin(2 * math.pi * months / 12) + 0.05 * torch.randn(180)
windows = series.unfold(0, WINDOW + 1, 1)
inputs, targets = windows[:, :-1], windows[:, -1:]
n_train = 140

model = PassengerGRU()
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
for epoch in range(40):
    chosen = torch.randperm(n_train)[:64]
    forecast = model(inputs[chosen].t().unsqueeze(-1))
    loss = torch.mean(torch.abs(forecast - targets[chosen]))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 8 == 0:
        print(f"epoch {epoch}: mean absolute error {loss.item():.3f}")

with torch.no_grad():
    ahead = model(inputs[n_train:].t().unsqueeze(-1))
    print("last forecasts", ahead[-3:].flatten().tolist(), "truth", targets[-3:].flatten().tolist())
