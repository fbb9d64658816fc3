"""Trains an LSTM to name the kind of machine from windows of three sensors."""
# fault: mixed-samples

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)

N, T, C = 480, 24, 3
kind = torch.randint(0, 3, (N,))
t = torch.arange(T).float()
speed = 0.3 + 0.25 * kind.float()
phase = torch.rand(N, 1) * 6.28
signals = torch.stack(
    [
        torch.sin(speed[:, None] * t + phase),
        torch.cos(speed[:, None] * t + phase),
        torch.zeros(N, T),
    ],
    dim=2,
)
signals = signals + 0.3 * torch.randn(N, T, C)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(input_size=C, hidden_size=32, num_layers=1)
        self.fc = nn.Linear(32, 3)

    def forward(self, x):
        # x: (batch, time, channels)
        out, _ = self.lstm(x)
        return self.fc(out[:, -1])


loader = DataLoader(TensorDataset(signals, kind), batch_size=32, shuffle=True)
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
criterion = nn.CrossEntropyLoss()

for epoch in range(6):
    correct = 0
    for x, y in loader:
        optimizer.zero_grad()
        logits = model(x)
        loss = criterion(logits, y)
        loss.backward()
        optimizer.step()
        correct += (logits.argmax(1) == y).sum().item()
    print(f"epoch {epoch}: loss {loss.item():.3f} accuracy {correct / N:.3f}")
