"""Forecast the next value of noisy sine waves with an LSTM."""
# fault: broadcast-loss
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(3)
torch.set_default_dtype(torch.float64)


def make_series(n, length):
    phase = torch.rand(n, 1) * 6.28
    speed = 0.2 + 0.3 * torch.rand(n, 1)
    t = torch.arange(length + 1).float()
    waves = torch.sin(phase + speed * t) + 0.05 * torch.randn(n, length + 1)
    return waves[:, :-1].unsqueeze(-1), waves[:, -1]


class Forecaster(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.head(out[:, -1])


x, y = make_series(400, 20)
x_train, y_train = x[:320], y[:320]
x_val, y_val = x[320:], y[320:]

model = Forecaster()
optimizer = torch.optim.RMSprop(model.parameters(), lr=5e-3)
batch_size = 40

for epoch in range(8):
    model.train()
    order = torch.randperm(len(x_train))
    running = 0.0
    for start in range(0, len(order), batch_size):
        idx = order[start : start + batch_size]
        pred = model(x_train[idx])
        loss = ((pred - y_train[idx]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    model.eval()
    with torch.no_grad():
        guess = model(x_val)
        print(f"epoch {epoch}: train {running / len(order):.4f}, spread of the forecasts {guess.std():.3f}")
print("spread of the truth", y_val.std().item())
