"""One-dimensional convolutions that tell two kinds of heartbeat apart."""

# fault: hasty-schedule
import math

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(41)


def beats(n):
    t = torch.linspace(0, 1, 64)
    kind = torch.randint(0, 2, (n,))
    phase = torch.rand(n, 1) * 2 * math.pi
    wave = torch.sin(2 * math.pi * 3 * t + phase)
    wave = wave + 0.4 * kind[:, None] * torch.sin(2 * math.pi * 9 * t + 2 * phase)
    return (wave + 0.5 * torch.randn(n, 64)).unsqueeze(1), kind


class BeatNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(1, 8, 7, stride=2), nn.ReLU(), nn.Conv1d(8, 16, 5, stride=2), nn.ReLU()
        )
        self.fc = nn.Linear(16, 2)

    def forward(self, x):
        return self.fc(self.conv(x).mean(-1))


signals, kinds = beats(1200)
net = BeatNet()
opt = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9)
decay = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=0.9)
NUM_EPOCHS = 5

for epoch in range(NUM_EPOCHS):
    order = torch.randperm(1200)
    epoch_loss = 0.0
    for i in range(0, 1200, 30):
        pick = order[i : i + 30]
        loss = nn.functional.cross_entropy(net(signals[pick]), kinds[pick])
        opt.zero_grad()
        loss.backward()
        opt.step()
        decay.step()
        epoch_loss += loss.item()
    print(f"epoch {epoch + 1}/{NUM_EPOCHS}: {epoch_loss / 40:.4f}")
