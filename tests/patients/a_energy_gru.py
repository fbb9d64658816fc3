"""A GRU that forecasts hourly energy use, validated after each epoch."""
# fault: gradless-training

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(5)

hours = torch.arange(700.0)
use = (
    torch.sin(hours * 6.2832 / 24) + 0.4 * torch.sin(hours * 6.2832 / 168) + 0.1 * torch.randn(700)
)
windows = use.unfold(0, 25, 1)
x, y = windows[:, :24].unsqueeze(-1), windows[:, 24:]
train = DataLoader(TensorDataset(x[:540], y[:540]), batch_size=45, shuffle=True)
valid = DataLoader(TensorDataset(x[570:], y[570:]), batch_size=53)


class Forecast(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 20, batch_first=True)
        self.fc = nn.Linear(20, 1)

    def forward(self, x):
        return self.fc(self.gru(x)[0][:, -1])


def validate(model, loss_fn):
    torch.set_grad_enabled(False)
    model.eval()
    total = 0.0
    for inputs, targets in valid:
        total += loss_fn(model(inputs), targets).item()
    return total / len(valid)


model = Forecast()
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(4):
    model.train()
    for inputs, targets in train:
        optimizer.zero_grad()
        loss = loss_fn(model(inputs), targets)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: train {loss.item():.4f} valid {validate(model, loss_fn):.4f}")
