"""An LSTM that adds up its inputs, with its weights set in a loop."""
# fault: symmetric-weights

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(50)


class Adder(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.lstm = nn.LSTM(2, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)
        for name, parameter in self.named_parameters():
            if "weight" in name:
                nn.init.constant_(parameter, 0.1)
            else:
                nn.init.zeros_(parameter)

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1])


def task(n):
    value, marker = torch.rand(n, 10), torch.zeros(n, 10)
    places = torch.stack([torch.randperm(10)[:2] for _ in range(n)])
    marker.scatter_(1, places, 1.0)
    return torch.stack([value, marker], 2), (value * marker).sum(1, keepdim=True)


model = Adder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(60):
    x, y = task(32)
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 15 == 14:
        print(f"step {step + 1}: {loss.item():.4f}")
