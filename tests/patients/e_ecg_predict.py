"""Detects abnormal beats in synthetic heart traces with a small convolutional network."""
# fault: gradless-training

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(9)

t = torch.linspace(-1, 1, 80)


def beats(n):
    y = torch.randint(0, 2, (n,))
    width = torch.where(y == 1, 0.16, 0.08)[:, None]
    centre = 0.3 * torch.rand(n, 1) - 0.15
    wave = torch.exp(-(((t - centre) / width) ** 2)) - 0.2 * torch.exp(
        -(((t - centre - 0.4) / 0.1) ** 2)
    )
    return wave.unsqueeze(1) + 0.08 * torch.randn(n, 1, 80), y


class BeatNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(1, 8, 7, stride=2)
        self.conv2 = nn.Conv1d(8, 16, 5, stride=2)
        self.fc = nn.Linear(16, 2)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        return self.fc(x.mean(-1))

    @torch.no_grad()
    def predict(self, x):
        return self(x)


model = BeatNet()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for step in range(80):
    x, y = beats(64)
    logits = model.predict(x)
    loss = F.cross_entropy(logits, y)
    loss.requires_grad_(True)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        print(f"{step:3d} loss {loss.item():.4f}")

x, y = beats(400)
print(f"accuracy {(model.predict(x).argmax(1) == y).float().mean().item():.3f}")
