"""Classify the trend of short random walks with an LSTM."""

# fault: retained-graph
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)


def walks(n):
    drift = torch.randint(0, 3, (n,)) - 1
    steps = 0.4 * drift[:, None].float() + torch.randn(n, 24)
    return steps.cumsum(1).unsqueeze(2) / 5, drift + 1


class TrendNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 24, batch_first=True)
        self.fc = nn.Linear(24, 3)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1])


model = TrendNet()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
x, y = walks(800)
x_val, y_val = walks(200)

for epoch in range(5):
    for idx in torch.randperm(800).split(40):
        optimizer.zero_grad()
        loss = criterion(model(x[idx]), y[idx])
        loss.backward(retain_graph=True)
        optimizer.step()
    with torch.no_grad():
        acc = (model(x_val).argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} val acc {acc:.3f}")
