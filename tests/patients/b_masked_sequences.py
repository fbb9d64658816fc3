"""Predict the next reading of sensors that are sometimes switched off."""
# fault: nonfinite-loss
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(19)


class SensorGRU(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(2, 20, batch_first=True)
        self.out = nn.Linear(20, 1)

    def forward(self, x, m):
        h, _ = self.gru(torch.stack([x * m, m], dim=-1))
        return self.out(h).squeeze(-1)


def masked_mse(prediction, target, mask):
    error = (prediction - target) ** 2 * mask
    return error.sum() / mask.sum()


def readings(batch):
    t = torch.arange(13) + 6 * torch.rand(batch, 1)
    values = torch.cos(0.5 * t)
    on = (torch.rand(batch, 1) < 0.5).float() * torch.ones(1, 13)
    return values, on


model = SensorGRU()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for step in range(90):
    values, on = readings(4)
    prediction = model(values[:, :-1], on[:, :-1])
    loss = masked_mse(prediction, values[:, 1:], on[:, 1:])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 15 == 0:
        print(f"{step:3d} {loss.item():.4f}")
